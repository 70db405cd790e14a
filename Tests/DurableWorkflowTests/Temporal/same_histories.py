"""Compares histories with what was made of them, by Temporal's own messages.

    python same_histories.py FOLDER

For each NAME.json beside a NAME.json.again (HistoryFolderTests writes them): both are read by the SDK, and every event has to be the same
message. Events that a worker may ignore are left out. 1 when any differs.
"""

import json
import pathlib
import sys

from temporalio.client import WorkflowHistory


def history(text):
    document = json.loads(text)
    if isinstance(document, list):
        document = document[0]
    events = document.get("events") or document["history"]["events"]
    read = WorkflowHistory.from_json("any", {"events": events})
    return [event for event in read.events if not event.worker_may_ignore]


def main(folder):
    same, others = 0, []
    for again in sorted(pathlib.Path(folder).glob("*.json.again")):
        first = again.with_suffix("")
        before, after = history(first.read_text()), history(again.read_text())
        different = [a.event_id for a, b in zip(before, after) if a != b]
        if different or len(before) != len(after):
            others.append(f"{first.name}: {len(before)} and {len(after)} events, first difference {different[:1]}")
        else:
            same += 1
    for other in others:
        print(other)
    print(json.dumps({"same": same, "different": len(others)}))
    return 1 if others else 0


sys.exit(main(sys.argv[1]))
