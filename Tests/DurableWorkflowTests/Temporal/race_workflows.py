"""The workflows and the tools of race_answers.py: what ends as it is told, waits for several things, has a child."""

import asyncio
import uuid
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, ChildWorkflowError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.workflow import ActivityCancellationType, ParentClosePolicy

#: Of one call of the script: what an interrupted one has left open is not its business.
QUEUE = f"races-{uuid.uuid4()}"
#: The execution timeout of a run whose time is to be over: long enough for what has to come before.
BRIEF = timedelta(seconds=15)
HOURS = timedelta(hours=10)
#: By workflow id: the tokens of the attempts that have begun.
TOKENS: dict[str, "asyncio.Queue[bytes]"] = {}


def tokens(identity: str) -> "asyncio.Queue[bytes]":
    return TOKENS.setdefault(identity, asyncio.Queue())


async def token_of(identity: str) -> bytes:
    """The token of the attempt that begins next."""
    return await asyncio.wait_for(tokens(identity).get(), 120)


@activity.defn
async def later(plan: str) -> str:
    info = activity.info()
    if plan == "twice" and info.attempt == 1:
        tokens(info.workflow_id).put_nowait(info.task_token)
        raise ApplicationError("again", type="Again", next_retry_delay=timedelta(milliseconds=1))
    tokens(info.workflow_id).put_nowait(info.task_token)
    activity.raise_complete_async()


def begin(plan: str, kind: ActivityCancellationType = ActivityCancellationType.ABANDON):
    """Starts the activity that somebody else ends."""
    limit = timedelta(seconds=1) if plan == "brief" else HOURS
    retry = RetryPolicy(maximum_attempts=2 if plan in ("twice", "patient") else 1, initial_interval=timedelta(hours=1))
    return workflow.start_activity(later, plan, start_to_close_timeout=limit, retry_policy=retry, cancellation_type=kind)


@workflow.defn(name="ends")
class Ends:
    """Ends as a signal says, or goes on in another run."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.is_asked = False

    @workflow.signal
    def end(self, how: str) -> None:
        self.words.append(how)

    @workflow.signal
    def touch(self) -> None:
        pass

    @workflow.query
    def state(self) -> str:
        return "here"

    @workflow.update
    async def quick(self, value: int) -> int:
        return value

    @workflow.update
    async def never(self, value: int) -> int:
        self.is_asked = True
        await workflow.wait_condition(lambda: False)
        return value

    @workflow.run
    async def run(self, plan: str) -> str:
        under_way = None
        if plan not in ("", "again"):
            kind = ActivityCancellationType.TRY_CANCEL if plan == "cancelled" else ActivityCancellationType.ABANDON
            under_way = begin(plan, kind)
        while True:
            await workflow.wait_condition(lambda: len(self.words) > 0)
            how = self.words.pop(0)
            if how == "cancelActivity" and under_way is not None:
                under_way.cancel()
            elif how == "failed":
                raise ApplicationError("no", type="No", non_retryable=True)
            elif how == "continuedAsNew":
                workflow.continue_as_new("again")
            elif how == "completed":
                return "done"


@workflow.defn(name="race")
class Race:
    """Waits for several things at once and says which came first, and in which order all of them came."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.signals = 0

    @workflow.signal
    def word(self) -> None:
        self.signals += 1
        self.order.append("signal")

    async def note(self, name: str, work) -> None:
        try:
            await work
        except asyncio.CancelledError:
            return
        except ChildWorkflowError:
            pass
        self.order.append(name)

    @workflow.run
    async def run(self, waits: list[str], seconds: int) -> str:
        limit = timedelta(seconds=seconds)
        if waits == ["condition"]:
            try:
                await workflow.wait_condition(lambda: self.signals > 0, timeout=limit)
                return f"signal of {self.signals}"
            except asyncio.TimeoutError:
                return f"timer of {self.signals}"
            except asyncio.CancelledError:
                return f"cancel of {self.signals}"
        tasks = []  # kept, for asyncio holds tasks weakly
        if "timer" in waits:
            # A task as the others are: asyncio shows what comes at once in the order of such hops.
            tasks.append(asyncio.create_task(self.note("timer", asyncio.create_task(asyncio.sleep(seconds)))))
        if "activity" in waits:
            tasks.append(asyncio.create_task(self.note("activity", begin("one"))))
        if "child" in waits:
            child = workflow.execute_child_workflow("ends", "", id=workflow.info().workflow_id + "-child", task_queue=QUEUE)
            tasks.append(asyncio.create_task(self.note("child", child)))
        try:
            await workflow.wait_condition(lambda: len(self.order) > 0)
        except asyncio.CancelledError:
            # Of these the timer alone: the SDK cannot cancel a child that has ended in this very task.
            tasks[0].cancel()
            for _ in range(3):
                await asyncio.sleep(0)
            return "cancel"
        return self.order[0] + " of " + ",".join(self.order)


@workflow.defn(name="parent")
class Parent(Ends):
    """Starts a child under a policy; then it ends as it is told, or at once."""

    @workflow.run
    async def run(self, plan: str) -> str:
        if plan == "again":
            await workflow.wait_condition(lambda: False)
        policy, how = plan.split(" ")
        child = workflow.start_child_workflow(
            "ends", "", id=workflow.info().workflow_id + "-child", parent_close_policy=ParentClosePolicy[policy],
            cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON)
        if how == "wait":
            await child
            await workflow.wait_condition(lambda: len(self.words) > 0)
            how = self.words.pop(0)
        else:
            # The command goes along with the one that ends the run.
            asked = asyncio.create_task(child)
            await asyncio.sleep(0)
            del asked
        if how == "failed":
            raise ApplicationError("no", type="No", non_retryable=True)
        if how == "continuedAsNew":
            workflow.continue_as_new("again")
        return "done"


@workflow.defn(name="listener")
class Listener:
    """Says what it hears of its child."""

    @workflow.run
    async def run(self, plan: str) -> str:
        options = {"execution_timeout": BRIEF} if plan == "timedOut" else {}
        if plan == "retried":
            options = {"retry_policy": RetryPolicy(maximum_attempts=2, initial_interval=timedelta(milliseconds=1))}
        kind = "unruly" if plan == "retried" else "ends"
        try:
            return await workflow.execute_child_workflow(
                kind, "", id=workflow.info().workflow_id + "-child", cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
                **options)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            return type(error.__cause__ or error).__name__


@workflow.defn(name="sender")
class Sender:
    """Sends one message to another workflow and says what it hears."""

    @workflow.run
    async def run(self, what: str, identity: str) -> str:
        other = workflow.get_external_workflow_handle(identity)
        try:
            if what == "cancelOfWorkflow":
                await other.cancel()
            else:
                await other.signal("touch")
            return "ok"
        except ApplicationError as error:
            return "notFound" if error.type.endswith("NotFound") else f"refused: {error.type}"


@workflow.defn(name="unruly")
class Unruly:
    """Fails at its first attempt."""

    @workflow.run
    async def run(self, plan: str) -> str:
        if workflow.info().attempt == 1:
            raise ApplicationError("no", type="No")
        return "done"


def worker(client: Client, **options) -> Worker:
    return Worker(
        client, task_queue=QUEUE, workflows=[Ends, Race, Parent, Listener, Sender, Unruly], activities=[later],
        workflow_runner=UnsandboxedWorkflowRunner(), **options)


def new(name: str) -> str:
    return f"{name}-{uuid.uuid4()}"


async def kinds(client: Client, identity: str, run: str | None = None) -> list[str]:
    history = await client.get_workflow_handle(identity, run_id=run).fetch_history()
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]


async def reach(client: Client, identity: str, kind: str, run: str | None = None, count: int = 1) -> list[str]:
    """The events of a run as soon as there are so many of a kind. Asks again as long as it takes: there is no other way to hear of it."""
    for _ in range(2400):
        try:
            found = await kinds(client, identity, run)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            found = []
        if found.count(kind) >= count:
            return found
        await asyncio.sleep(0.05)
    raise RuntimeError(f"{identity}: expected {count} {kind}, found {found}")


async def status(client: Client, identity: str, run: str = "") -> str:
    described = await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(namespace="default", execution=WorkflowExecution(workflow_id=identity, run_id=run)))
    name = WorkflowExecutionStatus.Name(described.workflow_execution_info.status)
    return name.removeprefix("WORKFLOW_EXECUTION_STATUS_").lower()


ENDINGS = ["completed", "failed", "cancelled", "terminated", "timedOut", "continuedAsNew"]


def terminal(ending: str) -> str:
    """The kind of the last event of a run that ended so."""
    names = {"cancelled": "CANCELED", "timedOut": "TIMED_OUT", "continuedAsNew": "CONTINUED_AS_NEW"}
    return "WORKFLOW_EXECUTION_" + names.get(ending, ending.upper())


async def close(client: Client, identity: str, ending: str, run: str) -> None:
    """Lets a run end, and returns when it has."""
    handle = client.get_workflow_handle(identity)
    if ending == "cancelled":
        await handle.cancel()
    elif ending == "terminated":
        await handle.terminate()
    elif ending != "timedOut":
        await handle.signal("end", ending)
    await reach(client, identity, terminal(ending), run)


async def all_of(rows: list) -> list[dict]:
    """The answers of rows, a few at a time."""
    gate = asyncio.Semaphore(12)

    async def one(row):
        async with gate:
            return await row

    return await asyncio.gather(*(one(row) for row in rows))
