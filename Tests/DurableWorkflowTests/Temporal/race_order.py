"""The order group of race_answers.py: several things come while no worker runs, in an order that the history shows; then code sees them."""

import asyncio

from temporalio.client import Client
from temporalio.service import RPCError

from race_workflows import QUEUE, kinds, new, reach, token_of, worker

#: How long the timers are: everything that comes before them has to come in this time. A slow server needs longer ones.
SECONDS = (20, 60, 180)
EVENTS = {
    "signal": "WORKFLOW_EXECUTION_SIGNALED", "cancel": "WORKFLOW_EXECUTION_CANCEL_REQUESTED", "timer": "TIMER_FIRED",
    "activity": "ACTIVITY_TASK_COMPLETED", "child": "CHILD_WORKFLOW_EXECUTION_TERMINATED",
}
#: What the code waits for, and what comes in which order. `condition` is the wait for a signal with a timeout.
ROWS = [
    ("condition", "signal"), ("condition", "timer"), ("condition", "signal timer"), ("condition", "timer signal"),
    ("condition", "signal signal timer"), ("condition", "signal timer signal"), ("condition", "timer signal signal"),
    ("condition", "cancel timer"), ("condition", "timer cancel"), ("condition", "signal cancel"), ("condition", "cancel signal"),
    ("condition", "signal cancel timer"), ("condition", "cancel signal timer"), ("condition", "timer signal cancel"),
    ("timer", "signal timer"), ("timer", "timer signal"), ("timer", "cancel timer"), ("timer", "timer cancel"),
    ("timer activity", "activity timer"), ("timer activity", "timer activity"), ("timer activity", "activity signal timer"),
    ("timer activity", "activity cancel"), ("timer activity", "cancel activity"), ("timer activity", "timer cancel activity"),
    ("timer child", "child timer"), ("timer child", "timer child"), ("timer child", "child signal timer"),
    ("timer child", "child cancel"), ("timer child", "cancel child"),
    ("timer activity child", "activity child timer"), ("timer activity child", "child activity timer"),
    ("timer activity child", "timer child activity"), ("timer activity child", "child timer activity signal"),
    ("timer activity child", "timer activity child signal cancel"),
]


class TooShort(Exception):
    """A timer has fired before what was to come first."""


async def start(client: Client, row: tuple[str, str], seconds: int) -> str:
    """Starts a row's workflow and returns once its code waits for everything."""
    waits = row[0].split(" ")
    identity = new("order")
    await client.start_workflow("race", args=[waits, seconds if "timer" in row[1] else 3600], id=identity, task_queue=QUEUE)
    await reach(client, identity, "TIMER_STARTED")
    if "activity" in waits:
        await token_of(identity)
    if "child" in waits:
        await reach(client, identity + "-child", "WORKFLOW_TASK_COMPLETED")
        await reach(client, identity, "WORKFLOW_TASK_COMPLETED", count=2)
    return identity


async def let_come(client: Client, identity: str, steps: list[str]) -> None:
    """Lets one thing come after the other."""
    handle = client.get_workflow_handle(identity)
    for position, step in enumerate(steps):
        if step == "signal":
            await handle.signal("word")
        elif step == "cancel":
            await handle.cancel()
        elif step == "activity":
            await client.get_async_activity_handle(workflow_id=identity, run_id=None, activity_id="1").complete("done")
        elif step == "child":
            await client.get_workflow_handle(identity + "-child").terminate()
        await reach(client, identity, EVENTS[step], count=steps[: position + 1].count(step))


async def finish(client: Client, identity: str, row: tuple[str, str]) -> dict:
    steps = row[1].split(" ")
    saw = await client.get_workflow_handle(identity).result()
    found = await kinds(client, identity)
    names = {event: step for step, event in EVENTS.items()}
    came = [names[kind] for kind in found if kind in names]
    if came != steps:
        raise TooShort(f"expected {steps}, found {came}")
    ends = [kind for kind in found if kind in ("TIMER_FIRED", "TIMER_CANCELED")]
    return {"group": "order", "waits": row[0], "steps": row[1], "saw": saw, "timer": ends}


async def rows_with(client: Client, seconds: int) -> list[dict]:
    async with worker(client, max_cached_workflows=0):
        identities = await asyncio.gather(*(start(client, row, seconds) for row in ROWS))
    await asyncio.gather(*(let_come(client, identity, row[1].split(" ")) for identity, row in zip(identities, ROWS)))
    async with worker(client):
        return await asyncio.gather(*(finish(client, identity, row) for identity, row in zip(identities, ROWS)))


async def order_rows(client: Client) -> list[dict]:
    for seconds in SECONDS:
        try:
            return await rows_with(client, seconds)
        except (TooShort, RPCError) as error:
            # A run that has ended already takes no message either.
            reason = error
    raise reason
