"""Twenty workflows that RecordingTests.swift has in Swift too.

    python3 twenty.py replay FOLDER     replays every NAME.json of a folder with the official Replayer, and prints what came of each
    python3 twenty.py record FOLDER     records each on a dev server: temporal server start-dev --headless
"""

import asyncio
import json
import pathlib
import re
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHistory
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

BRIEF = {"start_to_close_timeout": timedelta(seconds=10), "retry_policy": RetryPolicy(maximum_attempts=1)}


@activity.defn
async def echo(value: int) -> int:
    return value


@activity.defn
async def fail(value: int) -> int:
    raise ApplicationError("no", type="No", non_retryable=True)


async def run_echo(value: int) -> int:
    return await workflow.execute_activity(echo, value, **BRIEF)


WORKFLOWS = []


class Words:
    """What signals and updates say."""

    def __init__(self) -> None:
        self.words: list[int] = []

    @workflow.signal
    def word(self, value: int) -> None:
        self.words.append(value)

    @workflow.update
    async def add(self, value: int) -> int:
        answer = await run_echo(value)
        self.words.append(value)
        return answer


def define(body):
    """A workflow whose code is a function."""

    async def run(self, value: int) -> int:
        return await body(self, value)

    name = body.__name__
    run.__qualname__ = f"{name}.run"
    defined = type(name, (Words,), {"run": workflow.run(run), "__qualname__": name})
    WORKFLOWS.append(workflow.defn(name=name)(defined))
    return body


@define
async def one(self, value):
    return await run_echo(value)


@define
async def sequence(self, value):
    return sum([await run_echo(1), await run_echo(2), await run_echo(3)])


@define
async def parallel(self, value):
    return sum(await asyncio.gather(run_echo(1), run_echo(2), run_echo(3)))


@define
async def timer(self, value):
    await asyncio.sleep(1)
    return await run_echo(value)


@define
async def timers(self, value):
    await asyncio.gather(asyncio.sleep(1), asyncio.sleep(2))
    return value


@define
async def signalled(self, value):
    await workflow.wait_condition(lambda: len(self.words) > 0)
    return await run_echo(self.words[0])


@define
async def twice(self, value):
    await workflow.wait_condition(lambda: len(self.words) > 1)
    return sum(self.words)


@define
async def intime(self, value):
    await workflow.wait_condition(lambda: len(self.words) > 0, timeout=timedelta(hours=1))
    return await run_echo(self.words[0])


@define
async def late(self, value):
    try:
        await workflow.wait_condition(lambda: False, timeout=timedelta(seconds=1))
    except asyncio.TimeoutError:
        return await run_echo(7)


@define
async def patched(self, value):
    return await run_echo(2 if workflow.patched("first") else 1)


@define
async def deprecated(self, value):
    workflow.deprecate_patch("first")
    return await run_echo(2)


@define
async def patches(self, value):
    workflow.patched("second")
    await run_echo(1)
    workflow.patched("first")
    return await run_echo(2)


@define
async def local(self, value):
    return await workflow.execute_local_activity(echo, value, **BRIEF)


@define
async def localthen(self, value):
    first = await workflow.execute_local_activity(echo, value, **BRIEF)
    second = await run_echo(first)
    return await workflow.execute_local_activity(echo, second, **BRIEF)


@define
async def parent(self, value):
    return await workflow.execute_child_workflow("one", value, id=workflow.info().workflow_id + "-child", result_type=int)


@define
async def failing(self, value):
    raise ApplicationError("no", type="No", non_retryable=True)


@define
async def childfails(self, value):
    try:
        await workflow.execute_child_workflow("failing", value, id=workflow.info().workflow_id + "-child")
    except ChildWorkflowError:
        return await run_echo(5)


@define
async def activityfails(self, value):
    try:
        await workflow.execute_activity(fail, value, **BRIEF)
    except ActivityError:
        return await run_echo(6)


@define
async def updated(self, value):
    await workflow.wait_condition(lambda: len(self.words) > 1)
    return sum(self.words)


@define
async def again(self, value):
    await run_echo(value)
    if value < 2:
        workflow.continue_as_new(value + 1)
    return value


@define
async def cancelled(self, value):
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await run_echo(3)
        raise


@define
async def notes(self, value):
    workflow.upsert_memo({"stage": "begun"})
    return await run_echo(value)


async def replay(folder: pathlib.Path) -> None:
    replayer = Replayer(workflows=WORKFLOWS, workflow_runner=UnsandboxedWorkflowRunner())
    outcomes = {}
    for file in sorted(folder.glob("*.json")):
        try:
            history = WorkflowHistory.from_json(file.stem, file.read_text())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            outcomes[file.stem] = f"unreadable: {error}"
            continue
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        outcomes[file.stem] = "ok" if result.replay_failure is None else f"{type(result.replay_failure).__name__}: {result.replay_failure}"
    print(json.dumps(outcomes))


async def drive(handle, name: str) -> None:
    if name in ("signalled", "intime"):
        await handle.signal("word", 4)
    if name == "twice":
        await handle.signal("word", 1)
        await asyncio.sleep(0.3)
        await handle.signal("word", 2)
    if name == "updated":
        await handle.execute_update("add", 1)
        await handle.execute_update("add", 2)
    if name == "cancelled":
        await asyncio.sleep(0.3)
        await handle.cancel()
    try:
        await handle.result()
    except Exception:  # noqa: BLE001 - some of them fail, as they should
        pass


async def record(folder: pathlib.Path) -> None:
    client = await Client.connect("localhost:7233")
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue="twenty", workflows=WORKFLOWS, activities=[echo, fail], workflow_runner=runner):
        for defined in WORKFLOWS:
            name = defined.__name__
            handle = await client.start_workflow(name, 1, id=name, task_queue="twenty")
            await drive(handle, name)
            recorded = client.get_workflow_handle(name, run_id=handle.first_execution_run_id)
            # The SDK names its process and its machine; nobody else needs to know them.
            text = re.sub(r"[0-9]+@[A-Za-z0-9_.]+", "worker", (await recorded.fetch_history()).to_json())
            (folder / f"{name}.json").write_text(json.dumps(json.loads(text), indent=1) + "\n")


if __name__ == "__main__":
    asyncio.run({"replay": replay, "record": record}[sys.argv[1]](pathlib.Path(sys.argv[2])))
