"""Asks a Temporal dev server what becomes of races, and writes its answers to RaceAnswers.json, or compares them with what is there.

    temporal server start-dev --headless &
    python3 race_answers.py write [ADDRESS]
    python3 race_answers.py compare [ADDRESS]      prints what the server of today answers differently; 1 when there is anything

Who comes first is arranged, and never left to chance: a worker runs or does not, an activity is ended from outside by its token, a workflow
task is held open. Groups: what comes after the end of a run (`late`, `message`), what code sees that was away while several things came
(`order`), what comes while a workflow task is open (`task`), updates that are open at the end (`update`), parents and children (`child`).
"""

import asyncio
import json
import os
import pathlib
import sys
import uuid

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import AsyncActivityCancelledError, Client, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from race_children import child_rows
from race_order import order_rows
from race_tasks import task_rows
from race_workflows import BRIEF, ENDINGS, QUEUE, all_of, close, kinds, new, reach, token_of, worker

FILE = pathlib.Path(__file__).with_name("RaceAnswers.json")
LATE = ["complete", "fail", "reportCancelled", "heartbeat"]


def name_of(error: RPCError) -> str:
    return "notFound" if error.status == RPCStatusCode.NOT_FOUND else f"refused: {error.message}"


async def say(client: Client, token: bytes, what: str) -> str:
    """Says something of an attempt from outside, and returns the answer's class."""
    handle = client.get_async_activity_handle(task_token=token)
    try:
        if what == "complete":
            await handle.complete("done")
        elif what == "fail":
            await handle.fail(ApplicationError("late", type="Late"))
        elif what == "reportCancelled":
            await handle.report_cancellation()
        else:
            await handle.heartbeat(1)
        return "ok"
    except AsyncActivityCancelledError:
        return "cancelRequested"
    except RPCError as error:
        return name_of(error)


async def late_after_end(client: Client, ending: str, what: str) -> dict:
    identity = new(f"late-{ending}-{what}")
    options = {"execution_timeout": BRIEF} if ending == "timedOut" else {}
    handle = await client.start_workflow("ends", "one", id=identity, task_queue=QUEUE, **options)
    token = await token_of(identity)
    await close(client, identity, ending, handle.first_execution_run_id)
    before = await kinds(client, identity, handle.first_execution_run_id)
    answer = await say(client, token, what)
    after = await kinds(client, identity, handle.first_execution_run_id)
    return {"group": "late", "after": ending, "what": what, "answer": answer, "isClosed": before == after}


async def prepare(client: Client, state: str) -> tuple[str, bytes]:
    """A run that is open, and the token of an attempt of its activity that is in this state."""
    identity = new(f"open-{state}")
    plan = {
        "activityCancelled": "cancelled", "activityTimedOut": "brief", "attemptWaits": "patient", "attemptIsOld": "twice"
    }.get(state, "one")
    handle = await client.start_workflow("ends", plan, id=identity, task_queue=QUEUE)
    token = await token_of(identity)
    if state == "activityCancelled":
        await handle.signal("end", "cancelActivity")
        await reach(client, identity, "ACTIVITY_TASK_CANCEL_REQUESTED")
    if state == "activityCompleted":
        await say(client, token, "complete")
    if state == "activityTimedOut":
        await reach(client, identity, "ACTIVITY_TASK_TIMED_OUT")
    if state == "attemptWaits":
        await say(client, token, "fail")
    if state == "attemptIsOld":
        await token_of(identity)
    return identity, token


async def late_in_open_run(client: Client, state: str, what: str) -> dict:
    identity, token = await prepare(client, state)
    answer = await say(client, token, what)
    ends = ("ACTIVITY_TASK_COMPLETED", "ACTIVITY_TASK_FAILED", "ACTIVITY_TASK_TIMED_OUT", "ACTIVITY_TASK_CANCELED")
    found = [kind for kind in await kinds(client, identity) if kind in ends]
    return {"group": "late", "after": state, "what": what, "answer": answer, "ends": found}


STATES = ["open", "activityCancelled", "activityCompleted", "activityTimedOut", "attemptWaits", "attemptIsOld"]
MESSAGES = [
    "signal", "cancel", "terminate", "update", "query", "signalWithStart", "reset", "signalOfWorkflow", "cancelOfWorkflow",
]


async def send(client: Client, identity: str, message: str) -> str:
    handle = client.get_workflow_handle(identity)
    try:
        if message in ("signalOfWorkflow", "cancelOfWorkflow"):
            return await client.execute_workflow("sender", args=[message, identity], id=new("sender"), task_queue=QUEUE)
        if message == "signal":
            await handle.signal("touch")
        elif message == "cancel":
            await handle.cancel()
        elif message == "terminate":
            await handle.terminate()
        elif message == "update":
            await handle.execute_update("quick", 1)
        elif message == "query":
            await handle.query("state")
        elif message == "signalWithStart":
            await client.start_workflow("ends", "", id=identity, task_queue=QUEUE, start_signal="touch")
        else:
            await client.workflow_service.reset_workflow_execution(ResetWorkflowExecutionRequest(
                namespace="default", workflow_execution=WorkflowExecution(workflow_id=identity), reason="asked",
                workflow_task_finish_event_id=4, request_id=str(uuid.uuid4())))
        return "ok"
    except RPCError as error:
        return name_of(error)
    except (WorkflowQueryFailedError, WorkflowUpdateFailedError) as error:
        return f"refused: {error}"


async def message_after_end(client: Client, ending: str, message: str) -> dict:
    identity = new(f"message-{ending}-{message}")
    if ending != "none":
        options = {"execution_timeout": BRIEF} if ending == "timedOut" else {}
        handle = await client.start_workflow("ends", "", id=identity, task_queue=QUEUE, **options)
        run = handle.first_execution_run_id
        await reach(client, identity, "WORKFLOW_TASK_COMPLETED", run)
        if ending != "open":
            await close(client, identity, ending, run)
        if ending == "continuedAsNew":
            await reach(client, identity, "WORKFLOW_TASK_COMPLETED")
        before = await kinds(client, identity, run)
    answer = await send(client, identity, message)
    row = {"group": "message", "after": ending, "what": message, "answer": answer}
    if ending not in ("none", "open"):
        row["isClosed"] = before == await kinds(client, identity, run)
    return row


async def failure_of(waiting) -> str:
    try:
        return f"ok: {await waiting}"
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        return cause.type if isinstance(cause, ApplicationError) else type(cause).__name__
    except RPCError as error:
        return name_of(error)


async def update_at_end(client: Client, ending: str) -> dict:
    identity = new(f"update-{ending}")
    options = {"execution_timeout": BRIEF} if ending == "timedOut" else {}
    handle = await client.start_workflow("ends", "", id=identity, task_queue=QUEUE, **options)
    run = handle.first_execution_run_id
    await reach(client, identity, "WORKFLOW_TASK_COMPLETED", run)
    waiting = asyncio.create_task(handle.execute_update("never", 1, id="u"))
    await reach(client, identity, "WORKFLOW_EXECUTION_UPDATE_ACCEPTED", run)
    await close(client, identity, ending, run)
    answer = await failure_of(waiting)
    again = await failure_of(client.get_workflow_handle(identity, run_id=run).get_update_handle("u").result())
    return {"group": "update", "after": ending, "answer": answer, "again": again}


async def ask(address: str, only: str | None) -> list[dict]:
    client = await Client.connect(address)
    rows = []
    if only in (None, "order"):
        rows += await order_rows(client)
    if only in (None, "task"):
        rows += await task_rows(client)
    async with worker(client):
        late = [late_after_end(client, ending, what) for ending in ENDINGS for what in LATE]
        late += [late_in_open_run(client, state, what) for state in STATES for what in LATE]
        message = [message_after_end(client, ending, what) for ending in ["none", "open", *ENDINGS] for what in MESSAGES]
        update = [update_at_end(client, ending) for ending in ENDINGS]
        groups = {"late": late, "message": message, "update": update, "child": child_rows(client)}
        for name, group in groups.items():
            if only in (None, name):
                rows += await all_of(group)
            else:
                for row in group:
                    row.close()
    return rows


def main() -> int:
    rows = asyncio.run(ask(sys.argv[2] if len(sys.argv) > 2 else "localhost:7233", sys.argv[3] if len(sys.argv) > 3 else None))
    if sys.argv[1] == "print":
        print("\n".join(json.dumps(row) for row in rows))
        return 0
    if sys.argv[1] == "write":
        lines = ",\n".join(json.dumps(row) for row in rows)
        FILE.write_text(f"[\n{lines}\n]\n")
        return 0
    differences = [(old, new) for old, new in zip(json.loads(FILE.read_text()), rows, strict=True) if old != new]
    print(f"{len(rows)} races, {len(rows) - len(differences)} of them with the same answers")
    for old, now in differences:
        print(f"expected {json.dumps(old)}, found {json.dumps(now)}")
    return 1 if differences else 0


if __name__ == "__main__":
    code = main()
    # The SDK may still hold threads, which a regular end does not like.
    sys.stdout.flush()
    os._exit(code)
