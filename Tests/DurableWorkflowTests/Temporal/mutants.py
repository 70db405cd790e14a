"""Changes recorded histories in many ways, and asks the official Replayer about each.

    python3 mutants.py FOLDER     writes FOLDER/NAME.json for each changed history, and prints what the Replayer says of each

A change is one that code, a bug of a server or a hand can make: an event left out, told twice or in another place, another name, another
id, another number. Ids of events are numbered anew, and what refers to an event goes along with it, unless the change is in that.

Three changes are left out, because no server writes what they lead to, and the two are known to differ about them. A history that ends
within what one task has decided: there the rest is not missed, here code that decides more than is recorded does not fit. A run that ends
twice: there nothing is read after the first end, here it is refused. Events of workflow tasks left out, twice or in another place: there
the Replayer waits for ever.
"""

import asyncio
import copy
import json
import logging
import pathlib
import queue
import subprocess
import sys
import threading

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from twenty import WORKFLOWS

HERE = pathlib.Path(__file__).parent
RECORDED = HERE / "Recorded"
COMMANDS = {
    "ACTIVITY_TASK_SCHEDULED", "ACTIVITY_TASK_CANCEL_REQUESTED", "TIMER_STARTED", "TIMER_CANCELED", "MARKER_RECORDED",
    "START_CHILD_WORKFLOW_EXECUTION_INITIATED", "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES", "WORKFLOW_PROPERTIES_MODIFIED",
    "WORKFLOW_EXECUTION_COMPLETED", "WORKFLOW_EXECUTION_FAILED", "WORKFLOW_EXECUTION_CANCELED", "WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
}
REFERENCES = ("scheduledEventId", "startedEventId", "initiatedEventId", "workflowTaskCompletedEventId", "acceptedEventId")


def kind(event: dict) -> str:
    return event["eventType"].removeprefix("EVENT_TYPE_")


def attributes(event: dict) -> dict:
    return next((value for key, value in event.items() if key.endswith("EventAttributes")), {})


def numbered(events: list[dict]) -> list[dict]:
    """Numbers events from 1, and changes what refers to them."""
    new = {}
    for index, event in enumerate(events):
        new.setdefault(event["eventId"], str(index + 1))
    for index, event in enumerate(events):
        event["eventId"] = str(index + 1)
        held = attributes(event)
        for name in REFERENCES:
            if name in held:
                held[name] = new.get(held[name], held[name])
    return events


def changeable(events, count=1):
    """Places of events, so many in a row, that are none of a workflow task: a task told twice or in part lets the Replayer wait for ever."""
    for index in range(1, len(events) + 1 - count):
        if not any(kind(event).startswith("WORKFLOW_TASK") for event in events[index:index + count]):
            yield index


def left_out(events):
    for index in changeable(events[:-1]):
        yield f"without{index + 1}", numbered(copy.deepcopy(events[:index] + events[index + 1:]))


def cut_off(events):
    for index in range(3, len(events)):
        if "workflowTaskCompletedEventId" in attributes(events[index]) or kind(events[index]).startswith("WORKFLOW_EXECUTION_UPDATE"):
            continue
        yield f"until{index}", copy.deepcopy(events[:index])


def twice(events):
    for index in changeable(events[:-1]):
        yield f"twice{index + 1}", numbered(copy.deepcopy(events[: index + 1]) + copy.deepcopy(events[index:]))


def exchanged(events):
    for index in changeable(events, 2):
        changed = copy.deepcopy(events)
        changed[index], changed[index + 1] = changed[index + 1], changed[index]
        yield f"exchanged{index + 1}", numbered(changed)


def renamed(events):
    for index, event in enumerate(events):
        for member in ("activityType", "workflowType"):
            if member in attributes(event) and (index > 0):
                changed = copy.deepcopy(events)
                attributes(changed[index])[member] = {"name": "another"}
                yield f"renamed{index + 1}", changed
        for member in ("activityId", "timerId", "signalName", "workflowId"):
            if member in attributes(event) and index > 0:
                changed = copy.deepcopy(events)
                attributes(changed[index])[member] = "77"
                yield f"{member}{index + 1}", changed


def other_values(events):
    for index, event in enumerate(events):
        for member in ("input", "result"):
            if attributes(event).get(member, {}).get("payloads"):
                changed = copy.deepcopy(events)
                attributes(changed[index])[member]["payloads"][0]["data"] = "OQ=="
                yield f"{member}{index + 1}", changed
        for member in ("startToFireTimeout", "startToCloseTimeout", "scheduleToCloseTimeout"):
            if member in attributes(event):
                changed = copy.deepcopy(events)
                attributes(changed[index])[member] = "77s"
                yield f"{member}{index + 1}", changed


def other_references(events):
    for index, event in enumerate(events):
        for member in REFERENCES[:3]:
            if member in attributes(event) and not kind(event).startswith("WORKFLOW_TASK"):
                changed = copy.deepcopy(events)
                attributes(changed[index])[member] = str(int(attributes(event)[member]) + 1)
                yield f"{member}{index + 1}", changed


def other_kinds(events):
    """A command of one kind stands where another was."""
    for index, event in enumerate(events):
        if kind(event) == "ACTIVITY_TASK_SCHEDULED":
            other = {"timerStartedEventAttributes": {"timerId": "1", "startToFireTimeout": "1s"}, "eventType": "EVENT_TYPE_TIMER_STARTED"}
        elif kind(event) in COMMANDS:
            other = {
                "activityTaskScheduledEventAttributes": {
                    "activityId": "1", "activityType": {"name": "echo"}, "taskQueue": {"name": "twenty"}, "startToCloseTimeout": "10s",
                },
                "eventType": "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED",
            }
        else:
            continue
        changed = copy.deepcopy(events)
        changed[index] = {"eventId": event["eventId"], "eventTime": event["eventTime"], **other}
        yield f"kind{index + 1}", changed


def inserted(events):
    """A signal, a cancellation and a timer that nobody has asked for, before every event of a task's begin."""
    for index, event in enumerate(events):
        if kind(event) != "WORKFLOW_TASK_SCHEDULED":
            continue
        for name, more in (
            ("signal", {"eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED", "workflowExecutionSignaledEventAttributes": {
                "signalName": "word", "input": {"payloads": [{"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "OA=="}]}}}),
            ("cancel", {"eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED",
                        "workflowExecutionCancelRequestedEventAttributes": {}}),
        ):
            if index == 1 and name == "cancel":
                continue
            extra = {"eventId": f"new{index}", "eventTime": event["eventTime"], **more}
            yield f"{name}{index + 1}", numbered(copy.deepcopy(events[:index]) + [extra] + copy.deepcopy(events[index:]))


CHANGES = [left_out, cut_off, twice, exchanged, renamed, other_values, other_references, other_kinds, inserted]


PATIENCE = 5.0


def write(folder: pathlib.Path) -> list[str]:
    names = []
    for file in sorted(RECORDED.glob("*.json")):
        events = json.loads(file.read_text())["events"]
        for change in CHANGES:
            for name, changed in change(events):
                names.append(f"{file.stem}-{name}")
                (folder / f"{names[-1]}.json").write_text(json.dumps({"events": changed}))
    return names


async def judge(folder: pathlib.Path) -> None:
    """Answers names, one a line."""
    logging.disable(logging.CRITICAL)
    replayer = Replayer(workflows=WORKFLOWS, workflow_runner=UnsandboxedWorkflowRunner())
    for line in sys.stdin:
        name = line.strip()
        try:
            history = WorkflowHistory.from_json(name.split("-")[0], (folder / f"{name}.json").read_text())
            failure = (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure
            answer = "ok" if failure is None else f"{type(failure).__name__}: {failure}"
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            answer = f"refused: {error}"
        print("answer " + json.dumps([name, answer]), flush=True)


class Judge:
    """The official Replayer in a process of its own: histories that cannot be make its core panic, and then it never answers."""

    def __init__(self, folder: pathlib.Path) -> None:
        command = [sys.executable, __file__, str(folder), "judge"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
        self.lines: queue.Queue[str] = queue.Queue()
        for stream in (self.process.stdout, self.process.stderr):
            threading.Thread(target=self.read, args=[stream], daemon=True).start()

    def read(self, stream) -> None:
        for line in stream:
            if line.startswith("answer ") or "panicked at" in line:
                self.lines.put(line)

    def ask(self, name: str) -> str | None:
        self.process.stdin.write(name + "\n")
        try:
            while True:
                line = self.lines.get(timeout=PATIENCE)
                if "panicked at" in line:
                    break
                answered, answer = json.loads(line.removeprefix("answer "))
                if answered == name:
                    return answer
        except queue.Empty:
            pass
        self.process.kill()
        self.process.wait()
        return None


def main(folder: pathlib.Path) -> None:
    outcomes = {}
    judge = None
    for name in write(folder):
        judge = judge or Judge(folder)
        answer = judge.ask(name)
        if answer is None:
            judge = None
        outcomes[name] = answer or "crashed"
        print(name, outcomes[name][:100], file=sys.stderr)
    print(json.dumps(outcomes))


if sys.argv[2:] == ["judge"]:
    asyncio.run(judge(pathlib.Path(sys.argv[1])))
else:
    main(pathlib.Path(sys.argv[1]))
