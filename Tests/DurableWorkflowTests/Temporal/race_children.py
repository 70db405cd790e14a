"""Parents and children of race_answers.py: what becomes of a child when its parent ends, and what a parent hears of its child."""

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from race_workflows import BRIEF, ENDINGS, QUEUE, close, new, reach, status, terminal

POLICIES = ["TERMINATE", "ABANDON", "REQUEST_CANCEL"]
TERMINAL = ("COMPLETED", "FAILED", "CANCELED", "TERMINATED", "TIMED_OUT", "CONTINUED_AS_NEW")


async def settled(client: Client, child: str, policy: str, was_closed: bool) -> str:
    """What became of a child, once that can be known."""
    if was_closed:
        return await status(client, child)
    if policy == "ABANDON":
        await reach(client, child, "WORKFLOW_TASK_COMPLETED")
        return await status(client, child)
    await reach(client, child, "WORKFLOW_EXECUTION_TERMINATED" if policy == "TERMINATE" else "WORKFLOW_EXECUTION_CANCELED")
    return await status(client, child)


async def started_child(client: Client, policy: str, ending: str, state: str) -> dict:
    """The child runs, or has run, when its parent ends."""
    identity = new(f"child-{policy}-{ending}-{state}")
    options = {"execution_timeout": BRIEF} if ending == "timedOut" else {}
    handle = await client.start_workflow("parent", f"{policy} wait", id=identity, task_queue=QUEUE, **options)
    run, child = handle.first_execution_run_id, identity + "-child"
    await reach(client, child, "WORKFLOW_TASK_COMPLETED")
    await reach(client, identity, "CHILD_WORKFLOW_EXECUTION_STARTED", run)
    if state == "closed":
        await client.get_workflow_handle(child).signal("end", "completed")
        await reach(client, identity, "CHILD_WORKFLOW_EXECUTION_COMPLETED", run)
    await close(client, identity, ending, run)
    became = await settled(client, child, policy, state == "closed")
    return {"group": "child", "policy": policy, "parent": ending, "child": state, "became": became}


async def requested_child(client: Client, policy: str, ending: str) -> dict:
    """The child is asked for in the task that ends its parent. A later child of another parent shows that the server has had its turn."""
    identity = new(f"asked-{policy}-{ending}")
    handle = await client.start_workflow("parent", f"{policy} {ending}", id=identity, task_queue=QUEUE)
    await reach(client, identity, terminal(ending), handle.first_execution_run_id)
    for _ in range(2):
        witness = new("witness")
        await client.start_workflow("parent", "ABANDON wait", id=witness, task_queue=QUEUE)
        await reach(client, witness + "-child", "WORKFLOW_TASK_COMPLETED")
    try:
        became = await status(client, identity + "-child")
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        became = "nothing"
    return {"group": "child", "policy": policy, "parent": ending, "child": "requested", "became": became}


async def heard(client: Client, plan: str) -> dict:
    """What a parent hears of a child that ends so."""
    identity = new(f"heard-{plan}")
    handle = await client.start_workflow("listener", plan, id=identity, task_queue=QUEUE)
    child = client.get_workflow_handle(identity + "-child")
    if plan != "retried":
        await reach(client, child.id, "WORKFLOW_TASK_COMPLETED")
    if plan == "cancelled":
        await child.cancel()
    elif plan == "terminated":
        await child.terminate()
    elif plan in ("completed", "failed"):
        await child.signal("end", plan)
    elif plan == "continuedAsNew":
        first = (await child.describe()).run_id
        await child.signal("end", plan)
        await reach(client, child.id, "WORKFLOW_EXECUTION_CONTINUED_AS_NEW", first)
        await child.signal("end", "completed")
    saw = await handle.result()
    kinds = await reach(client, identity, "WORKFLOW_EXECUTION_COMPLETED")
    ends = [kind for kind in kinds if kind.startswith("CHILD_") and kind.removeprefix("CHILD_WORKFLOW_EXECUTION_") in TERMINAL]
    return {"group": "child", "heard": plan, "saw": saw, "events": ends}


def child_rows(client: Client) -> list:
    rows = [started_child(client, policy, ending, state) for policy in POLICIES for ending in ENDINGS for state in ("running", "closed")]
    rows += [requested_child(client, policy, ending) for policy in POLICIES for ending in ("completed", "failed", "continuedAsNew")]
    plans = ["completed", "failed", "cancelled", "terminated", "timedOut", "continuedAsNew", "retried"]
    return rows + [heard(client, plan) for plan in plans]
