"""Asks a Temporal dev server when specifications of schedules and cron workflows come, and writes its answers to CronAnswers.json.

    temporal server start-dev --headless &
    python3 cron_answers.py
    python3 cron_answers.py compare [ADDRESS]      prints what the server of today answers differently; 1 when there is anything

Schedules are asked for the first ten moments after a given one; cron workflows for the first moment after their start, which is
written down beside it. A refused specification has no moments.
"""

import asyncio
import datetime
import json
import os
import pathlib
import sys
import uuid

import temporalio.client
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleSpec, ScheduleState

STARTS = ["2027-03-01T00:00:00Z", "2027-10-30T12:34:56Z"]
CHANGES = ["2027-03-13T12:00:00Z", "2027-03-27T12:00:00Z", "2027-10-30T12:00:00Z", "2027-11-06T12:00:00Z", "2027-04-02T12:00:00Z", "2027-10-02T12:00:00Z"]

FIELDS = [
    "* * * * *", "*/15 * * * *", "0 * * * *", "30 4 * * *", "0 9 * * 1", "0 9 * * MON", "0 9 * * MON-FRI", "0 9 * * mon,wed,fri",
    "0 9 * * 1-5", "0 0 1 * *", "0 0 1,15 * *", "0 0 29 2 *", "0 0 31 * *", "0 12 13 * 5", "0 12 13 * FRI", "0 12 1-7 * 1", "5-10/5 0 * * 7",
    "0 0 * * 0", "0 0 * * 7", "0 0 * * 6-7", "0 0 * * 5-7", "0 0 * * SUN", "0 0 * * Sunday", "0 0 * * monday-friday", "0 0 1 JAN *",
    "0 0 1 jan,jul *", "0 0 1 JAN-MAR *", "0 0 1 january *", "0 0 1 */3 *", "10/20 * * * *", "1-59/2 3 * * *", "0 0-6/2 * * *", "0 22-23 * * *",
    "59 23 31 12 *", "0 0 30 2 *", "0 0 31 4 *", "? ? ? ? ?", "0 0 ? * MON", "*/7 */5 */3 */2 *", "0 0 */2 * *", "0 0 * * */2", "0 0 2-30/7 * 2",
    "1,2,3 4,5,6 7,8,9 * *", "* * 1 * 1", "*/1 * * * *", "0 0 */1 * 1", "0 0 1 * */1", "15 10 * * *",
    "0 8-18 * * 1-5", "*/5 8-17 * * MON-FRI", "0 6,18 * * *", "45 23 * * 6", "0 0 15 * 0", "0 0 1-7 * 0", "0 0 28-31 * *",
    "30 6 1 1,4,7,10 *", "0 12 * 6-8 *", "0 12 * JUN-AUG TUE", "20-40 13 * * *", "0,30 * * * 0,6", "*/20 */8 * * *", "7 7 7 7 *", "0 0 29 * *",
    "0 0 30 * *", "0 0 * 2 *", "0 0 29 2 1", "59 * * * *", "0 23 * * 5", "1-3,7-9 1 * * *", "0-10/3,50 2 * * *", "0 4 8-14 * 2", "0 4 * * TU",
    "0 4 * * th,sa", "0 0 1 sept *", "0 0 1 febr *", "0 0 1 DEC SUN", "0 0 * * wed-fri", "2/3 * * * *", "0 3/6 * * *", "0 0 5/10 * *", "00 05 * * 01", "  0   9  *  * 1  ",
]
MORE = [
    "0 0 12 * * * *", "*/10 * * * * * *", "30 15 10 * * * *", "0 0 12 1 1 * 2028", "0 0 0 29 2 * 2027-2040", "0 12 * * * 2028", "0 12 * * MON 2027",
    "0 0 1 1 * 2027,2029", "0 0 1 1 * 2028-2040/4", "59 59 23 31 12 * 2027", "5,10 0 0 1 * * *", "0 0 0 * * SUN *", "0 0 1 1 * 2026",
    "0 0 1 1 * 1999", "0 0 * * * *", "* * * * * *",
]
ZONES = [
    "CRON_TZ=America/New_York 30 2 * * *", "CRON_TZ=America/New_York 0 2 * * *", "CRON_TZ=America/New_York 30 1 * * *",
    "CRON_TZ=America/New_York 0 * 14 3 *", "CRON_TZ=America/New_York 30 * 7 11 *", "CRON_TZ=America/New_York */20 1-3 14 3 *",
    "CRON_TZ=America/New_York */20 0-2 7 11 *", "CRON_TZ=Europe/Berlin 30 2 28 3 *", "CRON_TZ=Europe/Berlin 30 2 31 10 *",
    "CRON_TZ=Europe/Berlin 0 9 * * MON-FRI", "CRON_TZ=Europe/London 15 1 * * *", "CRON_TZ=Asia/Kolkata 0 9 * * *", "TZ=Asia/Tokyo 0 0 * * *",
    "CRON_TZ=Australia/Lord_Howe 15 2 * 4,10 *", "CRON_TZ=Pacific/Chatham 0 3 * * SUN", "CRON_TZ=UTC 0 9 * * *",
    "CRON_TZ=America/Sao_Paulo 0 0 * * *", "CRON_TZ=Africa/Casablanca 0 3 * * *", "CRON_TZ=Asia/Kathmandu 5 5 5 * *",
    "CRON_TZ=America/St_Johns 1 0 * * *", "CRON_TZ=Nowhere/Town 0 9 * * *", "CRON_TZ=America/New_York @daily", "TZ=Europe/Berlin @hourly",
    "CRON_TZ=Antarctica/Troll 30 1 * * *", "CRON_TZ=Africa/Cairo 15 0 * * FRI", "CRON_TZ=America/Santiago 30 23 * * SAT",
    "CRON_TZ=America/New_York 15,45 0-3 * * *", "CRON_TZ=Europe/Berlin 15,45 0-4 * * *", "CRON_TZ=Europe/Berlin 30 2 * * *",
    "CRON_TZ=Australia/Lord_Howe */30 1-3 * * *", "CRON_TZ=America/Santiago 30 * * * SUN",
    "CRON_TZ=Etc/GMT+5 0 0 * * *", "CRON_TZ=Asia/Tehran 0 0 21 3 *", "CRON_TZ= 0 9 * * *", "CRON_TZ=Asia/Gaza 0 0 * * SAT",
]
WORDS = [
    "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", "@every 90s", "@every 1h30m", "@every 1.5h", "@every 2h/10m",
    "@every 1h/59m", "@every 30m/30m", "@every 14h/3h", "@every 1d", "@every 500ms", "@every 0s", "@every 1500ms", "@every -5m", "@every", "@every 5x",
    "@every 1h/2h", "@every 90", "@every 24h", "@every 168h", "@every 1h0m0s", "@reboot", "@Daily", "@sometimes", "@every 3h/15s", "@every 7m",
    "@every 1h 30m",
]
COMMENTS = ["0 9 * * * # every morning", "0 9 * * 1#mondays", "@hourly # on the hour", "# nothing", "@every 5m # often", "0 9 * * MON-FRI # work"]
BAD = [
    "", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * 0 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *",
    "a * * * *", "* * * * MONN", "* * * foo *", "1-2-3 * * * *", "*/ * * * *", "/5 * * * *", ", * * * *", "1, * * * *", "-1 * * * *",
    "1.5 * * * *", "* * * * * * * *", "* * L * *", "* * * * 5#2", "* * 15W * *", "FRI-MON * * * *", "0 0 * * FRI-MON", "1-60 * * * *", "*-5 * * * *",
    "*/60 * * * *", "*/100 * * * *", "0 0 * * 1-7", "0 0 * * 0-7", "0 0 * * 7-7", "5/ * * * *", "* * * * *x", "0 0 1 dec-jan *", "0x1 * * * *", "+5 * * * *",
]


def text(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


async def schedule(client: Client, number: object, cron: str, start: str) -> dict:
    spec = ScheduleSpec(cron_expressions=[cron], start_at=datetime.datetime.fromisoformat(start.replace("Z", "+00:00")))
    action = ScheduleActionStartWorkflow("quick", id=f"quick-{number}", task_queue="none")
    row = {"kind": "schedule", "cron": cron, "after": start}
    try:
        handle = await client.create_schedule(f"s-{number}", Schedule(action=action, spec=spec, state=ScheduleState(paused=True)))
    except temporalio.service.RPCError as error:
        return {**row, "refused": error.message}
    described = await handle.describe()
    await handle.delete()
    return {**row, "next": [text(moment) for moment in described.info.next_action_times[:10]]}


async def workflow(client: Client, number: int, cron: str) -> dict:
    row = {"kind": "workflow", "cron": cron}
    try:
        handle = await client.start_workflow("quick", id=f"w-{number}", task_queue="none", cron_schedule=cron)
    except temporalio.service.RPCError as error:
        return {**row, "refused": error.message}
    async for event in handle.fetch_history_events():
        attributes = event.workflow_execution_started_event_attributes
        backoff = attributes.first_workflow_task_backoff.ToTimedelta().total_seconds()
        row["after"] = event.event_time.ToDatetime().isoformat(timespec="milliseconds") + "Z"
        row["backoff"] = backoff
        break
    await handle.terminate()
    return row


FILE = pathlib.Path(__file__).with_name("CronAnswers.json")


async def ask() -> None:
    client = await Client.connect("localhost:7233")
    rows = []
    for cron in FIELDS + MORE + ZONES + WORDS + COMMENTS + BAD:
        for start in STARTS[:1] if cron in BAD else CHANGES if cron in ZONES else STARTS:
            rows.append(await schedule(client, len(rows), cron, start))
        rows.append(await workflow(client, len(rows), cron))
    lines = ",\n".join(json.dumps(row) for row in rows)
    FILE.write_text(f"[\n{lines}\n]\n")


# A schedule is a workflow of the server's; all of them take minutes.
EVERY = 5


async def compare(address: str) -> int:
    """Every fifth of schedules alone: a cron workflow's first moment depends on when it is asked for."""
    client = await Client.connect(address)
    old = [row for row in json.loads(FILE.read_text()) if row["kind"] == "schedule"][::EVERY]
    free = asyncio.Semaphore(4)

    async def again(number: int, row: dict) -> dict:
        async with free:
            return await schedule(client, f"{number}-{uuid.uuid4()}", row["cron"], row["after"])

    new = await asyncio.gather(*(again(number, row) for number, row in enumerate(old)))
    differences = [(before, now) for before, now in zip(old, new, strict=True) if before != now]
    print(f"{len(old)} specifications, {len(differences)} answered differently")
    for before, now in differences:
        print(f"expected {json.dumps(before)}, found {json.dumps(now)}")
    return 1 if differences else 0


if sys.argv[1:2] == ["compare"]:
    code = asyncio.run(compare(sys.argv[2] if len(sys.argv) > 2 else "localhost:7233"))
    # The SDK may still hold threads, which a regular end does not like.
    sys.stdout.flush()
    os._exit(code)
asyncio.run(ask())
