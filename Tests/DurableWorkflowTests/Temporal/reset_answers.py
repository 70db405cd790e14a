"""Asks a Temporal dev server to which events of the runs of twenty.py it resets, and writes its answers to ResetAnswers.json, or compares.

    temporal server start-dev --headless &
    python3 reset_answers.py write [ADDRESS]
    python3 reset_answers.py compare [ADDRESS]      prints what the server of today answers differently; 1 when there is anything

Of each run the kinds of its events are written down, and the ids of those to which the server resets.
"""

import asyncio
import json
import os
import pathlib
import sys
import uuid

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from twenty import WORKFLOWS, drive, echo, fail

FILE = pathlib.Path(__file__).with_name("ResetAnswers.json")


async def accepted(client: Client, identity: str, run: str, event: int) -> bool:
    try:
        await client.workflow_service.reset_workflow_execution(ResetWorkflowExecutionRequest(
            namespace="default", workflow_execution=WorkflowExecution(workflow_id=identity, run_id=run), reason="asked",
            workflow_task_finish_event_id=event, request_id=str(uuid.uuid4())))
        return True
    except RPCError:
        return False


async def ask(address: str) -> list[dict]:
    client = await Client.connect(address)
    runs = []
    async with Worker(
        client, task_queue="resets", workflows=WORKFLOWS, activities=[echo, fail], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        for defined in WORKFLOWS:
            name = defined.__name__
            handle = await client.start_workflow(name, 1, id=f"{name}-{uuid.uuid4()}", task_queue="resets")
            await drive(handle, name)
            runs.append((name, handle.id, handle.first_execution_run_id))
    rows = []
    for name, identity, run in runs:
        history = await client.get_workflow_handle(identity, run_id=run).fetch_history()
        kinds = [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]
        taken = [event.event_id for event in history.events if await accepted(client, identity, run, event.event_id)]
        rows.append({"name": name, "kinds": kinds, "accepted": taken})
    return rows


def main() -> int:
    rows = asyncio.run(ask(sys.argv[2] if len(sys.argv) > 2 else "localhost:7233"))
    if sys.argv[1] == "write":
        lines = ",\n".join(json.dumps(row) for row in rows)
        FILE.write_text(f"[\n{lines}\n]\n")
        return 0
    old = {row["name"]: row for row in json.loads(FILE.read_text())}
    # A run that happened to come in another order says nothing of the answers.
    differences = [row for row in rows if row["kinds"] == old[row["name"]]["kinds"] and row["accepted"] != old[row["name"]]["accepted"]]
    print(f"{len(rows)} runs, {sum(row['kinds'] == old[row['name']]['kinds'] for row in rows)} of them with the same events")
    for row in differences:
        print(f"expected {json.dumps(old[row['name']])}, found {json.dumps(row)}")
    return 1 if differences else 0


code = main()
# The SDK may still hold threads, which a regular end does not like.
sys.stdout.flush()
os._exit(code)
