"""The task group of race_answers.py: a message comes while a workflow task is open, and the task is answered with a command.

No SDK holds a task open, so the tasks are polled and answered here. One workflow is started for each row, on a queue of its own.
"""

import asyncio
from datetime import timedelta

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import (
    CancelTimerCommandAttributes, CancelWorkflowExecutionCommandAttributes, Command, CompleteWorkflowExecutionCommandAttributes,
    ContinueAsNewWorkflowExecutionCommandAttributes, FailWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
    ProtocolMessageCommandAttributes, StartTimerCommandAttributes,
)
from temporalio.api.common.v1 import ActivityType, Payloads, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import CommandType
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.protocol.v1 import Message
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.update.v1 import Acceptance, Outcome, Request, Response
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest, PollWorkflowTaskQueueRequest, RespondActivityTaskCompletedRequest, RespondWorkflowTaskCompletedRequest,
)
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode

from race_workflows import all_of, kinds, new, reach, status

MESSAGES = ["signal", "cancel", "terminate", "activity", "timer", "update"]
COMMANDS = ["none", "complete", "fail", "cancel", "continueAsNew", "cancelTimer", "scheduleActivity"]
EVENTS = {
    "signal": "WORKFLOW_EXECUTION_SIGNALED", "cancel": "WORKFLOW_EXECUTION_CANCEL_REQUESTED", "timer": "TIMER_FIRED",
    "activity": "ACTIVITY_TASK_COMPLETED", "terminate": "WORKFLOW_EXECUTION_TERMINATED",
    "update": "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
}


def seconds(value: int) -> Duration:
    return Duration(seconds=value)


def schedule(identity: str, activity: str) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
        schedule_activity_task_command_attributes=ScheduleActivityTaskCommandAttributes(
            activity_id=activity, activity_type=ActivityType(name="later"), task_queue=TaskQueue(name=identity),
            schedule_to_close_timeout=seconds(36_000), start_to_close_timeout=seconds(36_000)))


def start_timer(timer: str, value: int) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_START_TIMER,
        start_timer_command_attributes=StartTimerCommandAttributes(timer_id=timer, start_to_fire_timeout=seconds(value)))


def commands(identity: str, name: str) -> list[Command]:
    """What answers the task."""
    if name == "complete":
        return [Command(
            command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
            complete_workflow_execution_command_attributes=CompleteWorkflowExecutionCommandAttributes())]
    if name == "fail":
        failure = Failure(message="no", application_failure_info=ApplicationFailureInfo(type="No", non_retryable=True))
        return [Command(
            command_type=CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
            fail_workflow_execution_command_attributes=FailWorkflowExecutionCommandAttributes(failure=failure))]
    if name == "cancel":
        return [Command(
            command_type=CommandType.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
            cancel_workflow_execution_command_attributes=CancelWorkflowExecutionCommandAttributes())]
    if name == "continueAsNew":
        return [Command(
            command_type=CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
            continue_as_new_workflow_execution_command_attributes=ContinueAsNewWorkflowExecutionCommandAttributes(
                workflow_type=WorkflowType(name="held"), task_queue=TaskQueue(name=identity), workflow_task_timeout=seconds(60)))]
    if name == "cancelTimer":
        return [Command(
            command_type=CommandType.COMMAND_TYPE_CANCEL_TIMER,
            cancel_timer_command_attributes=CancelTimerCommandAttributes(timer_id="1"))]
    return [schedule(identity, "2")] if name == "scheduleActivity" else []


async def poll(client: Client, identity: str):
    while True:
        try:
            task = await client.workflow_service.poll_workflow_task_queue(
                PollWorkflowTaskQueueRequest(namespace="default", task_queue=TaskQueue(name=identity), identity="worker"))
        except RPCError as error:
            # A poll has a time; a slow server says so in this way.
            if error.status not in (RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED):
                raise
            continue
        if task.task_token:
            return task


async def answer(client: Client, task, said: list[Command], messages: list[Message] = []) -> str:
    try:
        await client.workflow_service.respond_workflow_task_completed(RespondWorkflowTaskCompletedRequest(
            namespace="default", task_token=task.task_token, commands=said, messages=messages, identity="worker"))
        return "accepted"
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return "notFound"
        return "unhandledCommand" if "UnhandledCommand" in error.message else f"refused: {error.message}"


def pack(identity: str, protocol: str, body) -> Message:
    packed = Any()
    packed.Pack(body)
    return Message(id=identity, protocol_instance_id=protocol, body=packed)


async def take_update(client: Client, task) -> None:
    """Accepts and completes the update that a task brings, or one that follows it."""
    while not task.messages:
        await answer(client, task, [])
        task = await poll(client, task.workflow_execution.workflow_id)
    asked = task.messages[0]
    request = Request()
    asked.body.Unpack(request)
    result = DataConverter.default.payload_converter.to_payloads([1])
    said = [
        pack("accept", asked.protocol_instance_id, Acceptance(
            accepted_request_message_id=asked.id, accepted_request_sequencing_event_id=asked.event_id, accepted_request=request)),
        pack("complete", asked.protocol_instance_id, Response(
            meta=request.meta, outcome=Outcome(success=Payloads(payloads=result)))),
    ]
    orders = [
        Command(
            command_type=CommandType.COMMAND_TYPE_PROTOCOL_MESSAGE,
            protocol_message_command_attributes=ProtocolMessageCommandAttributes(message_id=message.id))
        for message in said
    ]
    await answer(client, task, orders, said)


async def updated(client: Client, identity: str, command: str, task) -> dict:
    """An update comes while the task is open, or just after: the answers are the same. The next task, if there is one, takes it."""
    sending = asyncio.create_task(client.get_workflow_handle(identity).execute_update("quick", 1, id="late"))
    row = {"answer": await answer(client, task, commands(identity, command))}
    if command not in ("complete", "fail", "cancel"):
        await take_update(client, await poll(client, identity))
    try:
        await sending
        return {**row, "sender": "ok"}
    except RPCError as error:
        return {**row, "sender": "notFound" if error.status == RPCStatusCode.NOT_FOUND else f"refused: {error.message}"}


async def take_activity(client: Client, identity: str) -> bytes:
    while True:
        task = await client.workflow_service.poll_activity_task_queue(
            PollActivityTaskQueueRequest(namespace="default", task_queue=TaskQueue(name=identity), identity="worker"))
        if task.task_token:
            return task.task_token


async def let_come(client: Client, identity: str, message: str, token: bytes) -> None:
    handle = client.get_workflow_handle(identity)
    if message == "signal":
        await handle.signal("word")
    elif message == "cancel":
        await handle.cancel()
    elif message == "terminate":
        await handle.terminate()
    elif message == "activity":
        await client.workflow_service.respond_activity_task_completed(
            RespondActivityTaskCompletedRequest(namespace="default", task_token=token, result=Payloads(), identity="worker"))
    else:
        await pass_time(client)


async def pass_time(client: Client) -> None:
    """Returns when the timer of a row, which was started before, has been due: a longer one of another workflow has fired."""
    witness = new("witness")
    await client.start_workflow("witness", id=witness, task_queue=witness)
    await answer(client, await poll(client, witness), [start_timer("1", TIMER + 1)])
    await reach(client, witness, "TIMER_FIRED")


#: In seconds: the timer that is to be due while the second task is open.
TIMER = 6


async def open_task(client: Client, identity: str, message: str):
    """A run with an attempt of an activity and a timer, whose second task is open. Of a timer that is due too early another run is made."""
    await client.start_workflow(
        "held", id=identity, task_queue=identity, task_timeout=timedelta(seconds=60))
    first = await poll(client, identity)
    await answer(client, first, [schedule(identity, "1"), start_timer("1", TIMER if message == "timer" else 36_000)])
    token = await take_activity(client, identity)
    await client.get_workflow_handle(identity).signal("wake")
    return await poll(client, identity), token


async def held(client: Client, message: str, command: str) -> dict:
    identity = new(f"task-{message}-{command}")
    task, token = await open_task(client, identity, message)
    run = task.workflow_execution.run_id
    before = len(task.history.events)
    if any(event.HasField("timer_fired_event_attributes") for event in task.history.events):
        raise RuntimeError(f"{identity}: expected the timer after the task, found it before; the timers are too short")
    row = {"group": "task", "message": message, "command": command}
    if message == "update":
        row |= await updated(client, identity, command, task)
    else:
        await let_come(client, identity, message, token)
        row["answer"] = await answer(client, task, commands(identity, command))
    if row["answer"] == "unhandledCommand":
        # The code decides the same again, now that it has seen the message.
        row["again"] = await answer(client, await poll(client, identity), commands(identity, command))
    found = (await kinds(client, identity, run))[before:]
    row["events"] = found
    row["status"] = await status(client, identity, run)
    row["isSeen"] = EVENTS[message] in found
    return row


async def task_rows(client: Client) -> list[dict]:
    return await all_of([held(client, message, command) for message in MESSAGES for command in COMMANDS])
