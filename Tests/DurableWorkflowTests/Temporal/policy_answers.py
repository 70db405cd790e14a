"""Asks a Temporal dev server what becomes of starts, and writes its answers to PolicyAnswers.json, or compares them with what is there.

    temporal server start-dev --headless &
    python3 policy_answers.py write
    python3 policy_answers.py compare      prints what the server of today answers differently; 1 when there is anything

Every id policy meets every state of the run before it; options that no server takes are refused with a sentence.
"""

import asyncio
import json
import os
import pathlib
import sys
import uuid

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import RetryPolicy, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, StartWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio import workflow
from temporalio.exceptions import ApplicationError

FILE = pathlib.Path(__file__).with_name("PolicyAnswers.json")
REUSE = {
    "allowDuplicate": "ALLOW_DUPLICATE", "allowDuplicateFailedOnly": "ALLOW_DUPLICATE_FAILED_ONLY", "rejectDuplicate": "REJECT_DUPLICATE",
}
CONFLICT = {"fail": "FAIL", "useExisting": "USE_EXISTING", "terminateExisting": "TERMINATE_EXISTING"}
STATES = ["none", "running", "completed", "failed", "canceled", "terminated"]


@workflow.defn(name="ends")
class Ends:
    def __init__(self) -> None:
        self.how = ""

    @workflow.signal
    def end(self, how: str) -> None:
        self.how = how

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self.how != "")
        if self.how == "failed":
            raise ApplicationError("no", type="No", non_retryable=True)


def request(identity: str, **options) -> StartWorkflowExecutionRequest:
    return StartWorkflowExecutionRequest(
        namespace="default", workflow_id=identity, workflow_type=WorkflowType(name="ends"), task_queue=TaskQueue(name="policies"),
        request_id=str(uuid.uuid4()), **options)


async def status(client: Client, identity: str, run: str) -> str:
    described = await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(namespace="default", execution=WorkflowExecution(workflow_id=identity, run_id=run)))
    name = WorkflowExecutionStatus.Name(described.workflow_execution_info.status)
    return name.removeprefix("WORKFLOW_EXECUTION_STATUS_").lower()


async def prior(client: Client, identity: str, state: str) -> str:
    handle = await client.start_workflow("ends", id=identity, task_queue="policies")
    if state in ("completed", "failed"):
        await handle.signal("end", state)
    if state == "canceled":
        await handle.cancel()
    if state == "terminated":
        await handle.terminate()
    if state != "running":
        try:
            await handle.result()
        except Exception:  # noqa: BLE001 - some of them fail, as they should
            pass
    return handle.result_run_id or handle.first_execution_run_id


async def meeting(client: Client, state: str, reuse: str, conflict: str) -> dict:
    identity = f"{state}-{reuse}-{conflict}-{uuid.uuid4()}"
    old = await prior(client, identity, state) if state != "none" else ""
    row = {"state": state, "reuse": reuse, "conflict": conflict}
    try:
        answer = await client.workflow_service.start_workflow_execution(request(
            identity, workflow_id_reuse_policy=WorkflowIdReusePolicy.Value(f"WORKFLOW_ID_REUSE_POLICY_{REUSE[reuse]}"),
            workflow_id_conflict_policy=WorkflowIdConflictPolicy.Value(f"WORKFLOW_ID_CONFLICT_POLICY_{CONFLICT[conflict]}")))
        row["outcome"] = "existing" if answer.run_id == old else "started"
    except RPCError as error:
        row["outcome"] = "taken" if error.status == RPCStatusCode.ALREADY_EXISTS else "refused"
        if row["outcome"] == "refused":
            row["sentence"] = error.message
    if old:
        row["before"] = await status(client, identity, old)
    return row


def seconds(value: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(int(value * 1000))
    return duration


REFUSED = {
    "initialInterval -1": {"retry_policy": RetryPolicy(initial_interval=seconds(-1))},
    "backoffCoefficient 0.5": {"retry_policy": RetryPolicy(backoff_coefficient=0.5)},
    "maximumInterval -1": {"retry_policy": RetryPolicy(maximum_interval=seconds(-1))},
    "maximumInterval 1 initialInterval 2": {"retry_policy": RetryPolicy(initial_interval=seconds(2), maximum_interval=seconds(1))},
    "maximumAttempts -1": {"retry_policy": RetryPolicy(maximum_attempts=-1)},
    "executionTimeout -1": {"workflow_execution_timeout": seconds(-1)},
    "runTimeout -1": {"workflow_run_timeout": seconds(-1)},
    "taskTimeout -1": {"workflow_task_timeout": seconds(-1)},
    "startDelay -1": {"workflow_start_delay": seconds(-1)},
    "cronSchedule and startDelay": {"cron_schedule": "0 9 * * *", "workflow_start_delay": seconds(1)},
}


async def refusal(client: Client, what: str) -> dict:
    row = {"options": what}
    try:
        await client.workflow_service.start_workflow_execution(request(f"refused-{uuid.uuid4()}", **REFUSED[what]))
        return {**row, "outcome": "started"}
    except RPCError as error:
        return {**row, "outcome": "refused", "sentence": error.message}


async def ask() -> list[dict]:
    client = await Client.connect(sys.argv[2] if len(sys.argv) > 2 else "localhost:7233")
    async with Worker(client, task_queue="policies", workflows=[Ends], workflow_runner=UnsandboxedWorkflowRunner()):
        rows = [await meeting(client, state, reuse, conflict) for state in STATES for reuse in REUSE for conflict in CONFLICT]
    return rows + [await refusal(client, what) for what in REFUSED]


def main() -> int:
    rows = asyncio.run(ask())
    if sys.argv[1] == "write":
        lines = ",\n".join(json.dumps(row) for row in rows)
        FILE.write_text(f"[\n{lines}\n]\n")
        return 0
    differences = [(old, new) for old, new in zip(json.loads(FILE.read_text()), rows, strict=True) if old != new]
    for old, new in differences:
        print(f"expected {json.dumps(old)}, found {json.dumps(new)}")
    return 1 if differences else 0


code = main()
# The SDK may still hold threads, which a regular end does not like.
sys.stdout.flush()
os._exit(code)
