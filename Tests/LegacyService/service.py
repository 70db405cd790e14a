"""A registration service as teams have it: a table of states, a queue with retry counters in its rows, a cron job, PostgreSQL.

It keeps its records itself and speaks Lockstep's protocol for legacy services. The tests run it; with --wrong it makes one mistake
on purpose. Needs psycopg2 alone.
"""

import argparse
import collections
import datetime
import json
import sys
import threading
import time
import traceback
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import psycopg2.extras
import psycopg2.pool

SCHEMA = """
CREATE TABLE IF NOT EXISTS registration (
    entity text PRIMARY KEY, state text NOT NULL, record jsonb NOT NULL, version int NOT NULL, epoch int NOT NULL,
    released boolean NOT NULL, changed_at timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS move (
    change bigserial PRIMARY KEY, entity text NOT NULL, version int NOT NULL, event text NOT NULL, inbox_row int, from_state text NOT NULL,
    to_state text NOT NULL, at timestamptz NOT NULL, exhausted text, effects jsonb NOT NULL, UNIQUE (entity, version));
CREATE TABLE IF NOT EXISTS queue (
    id bigserial PRIMARY KEY, entity text NOT NULL, inbox_row int NOT NULL, event jsonb NOT NULL, attempt int NOT NULL,
    next_at timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS answer (entity text NOT NULL, key text NOT NULL, body jsonb NOT NULL, PRIMARY KEY (entity, key));
-- The outside: what the registry and the carriers were asked for. A known key is answered again and performed once.
CREATE TABLE IF NOT EXISTS outside_call (key text PRIMARY KEY, entity text NOT NULL, operation text NOT NULL, at timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS outside_trouble (entity text PRIMARY KEY, failures int NOT NULL);
CREATE TABLE IF NOT EXISTS outside_decision (entity text NOT NULL, step text NOT NULL, PRIMARY KEY (entity, step));
"""

# Step, the word of its states and events, whom it asks for what when it begins.
STEPS = [
    ("2", "BRAND", "registry.submitBrand"),
    ("3", "IDENTITY", "registry.checkIdentity"),
    ("4", "SCORE", "registry.requestScore"),
    ("5", "USECASE", "registry.submitUseCase"),
    ("6", "CAMPAIGN", "registry.submitCampaign"),
    ("7", "PROVIDER", "provider.submitCampaign"),
    ("8", "REGISTRY", "registry.shareCampaign"),
    ("9", "CARRIERS", "carriers.submitCampaign"),
    ("10", "NUMBERS", "carriers.addNumbers"),
]
WORDS = [word for _, word, _ in STEPS]
FINAL = {"ACTIVE", "REJECTED", "CANCELLED"}
MOST_ATTEMPTS = 5


def pending(word):
    return word + "_PENDING"


def word_of(state):
    return state[: -len("_PENDING")] if state.endswith("_PENDING") else None


def machine():
    waits = [
        {"state": pending(word), "step": step, "handles": [f"{word.lower()}.approved", f"{word.lower()}.rejected", "registration.cancel", "timer.poll"]}
        for step, word, _ in STEPS
    ]
    events = ["registration.submit", "registration.cancel"] + [f"{word.lower()}.{said}" for word in WORDS for said in ("approved", "rejected")]
    states = [{"state": "NEW", "step": "1", "handles": ["registration.submit"]}]
    states += waits[:4] + [{"state": "BRAND_READY", "step": "5", "completes": "5", "handles": ["lockstep.continue", "registration.cancel"]}]
    states += waits[4:] + [{"state": "ON_HOLD", "handles": ["registration.cancel"]}]
    states += [{"state": "ACTIVE", "step": "10", "completes": "10", "final": True, "handles": []}]
    states += [{"state": state, "final": True, "handles": []} for state in ("REJECTED", "CANCELLED")]
    return {"name": "registrations", "initial": "NEW", "events": events, "states": states}


HANDLED = {place["state"]: set(place["handles"]) for place in machine()["states"]}


class Trouble(Exception):
    """The outside is down for now."""


class Refusal(Exception):
    def __init__(self, status, body):
        self.status, self.body = status, body


class Service:
    def __init__(self, database, wrong, stuck_after):
        self.pool = psycopg2.pool.ThreadedConnectionPool(1, 80, database)
        self.outside = psycopg2.pool.ThreadedConnectionPool(1, 80, database)
        self.wrong, self.stuck_after = wrong, stuck_after
        with self.transaction() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(7)")
            cursor.execute(SCHEMA)

    # Database

    class Transaction:
        def __init__(self, pool, autocommit=False):
            self.pool, self.autocommit = pool, autocommit

        def __enter__(self):
            self.connection = self.pool.getconn()
            self.connection.autocommit = self.autocommit
            self.cursor = self.connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
            return self.cursor

        def __exit__(self, kind, error, trace):
            try:
                if not self.autocommit:
                    self.connection.rollback() if kind else self.connection.commit()
            finally:
                self.cursor.close()
                self.pool.putconn(self.connection, close=kind is not None)

    def transaction(self):
        return self.Transaction(self.pool)

    @staticmethod
    def lock(cursor, entity):
        """One writer an entity, also for one that does not exist yet."""
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (entity,))

    @staticmethod
    def find(cursor, entity):
        cursor.execute("SELECT * FROM registration WHERE entity = %s", (entity,))
        return cursor.fetchone()

    # The outside

    def perform(self, entity, step, operation):
        """Calls the outside under a key of its own: repeated after a crash it is answered, and performed once."""
        with self.Transaction(self.outside, autocommit=True) as cursor:
            cursor.execute("UPDATE outside_trouble SET failures = failures - 1 WHERE entity = %s AND failures > 0 RETURNING 1", (entity,))
            if cursor.fetchone():
                raise Trouble(f"{operation}: the party did not answer")
            key = f"{entity}/{step}/{operation}"
            cursor.execute("INSERT INTO outside_call VALUES (%s, %s, %s, now()) ON CONFLICT DO NOTHING", (key, entity, operation))
        return {"step": step, "operation": operation, "request": {"entity": entity}, "reply": {"id": key}}

    # The machine

    def begin(self, entity, word):
        """Begins a step: asks the party, and waits."""
        step, _, operation = STEPS[WORDS.index(word)]
        return pending(word), [self.perform(entity, step, operation)]

    def after(self, entity, word):
        """What comes after a step that was approved."""
        if word == "USECASE":
            return "BRAND_READY", []
        if word == WORDS[-1]:
            return "ACTIVE", []
        return self.begin(entity, WORDS[WORDS.index(word) + 1])

    def decide(self, row, kind):
        """Database in state Y, event X arrives, do Z. Returns the state and the effects; None when nothing is to be done."""
        entity, state = row["entity"], row["state"]
        if kind not in HANDLED[state]:
            return None
        if kind == "registration.submit":
            return self.begin(entity, WORDS[0])
        if kind == "registration.cancel":
            return "CANCELLED", []
        if kind == "lockstep.continue":
            return self.begin(entity, "CAMPAIGN")
        if kind.endswith(".rejected"):
            return "REJECTED", []
        return self.after(entity, word_of(state))

    def move(self, cursor, row, kind, inbox_row, state, effects, exhausted=None):
        """Writes a move. The lock keeps numbers and commits in one order, so that nobody who reads by number misses one."""
        cursor.execute("SELECT pg_advisory_xact_lock(8)")
        cursor.execute(
            "INSERT INTO move (entity, version, event, inbox_row, from_state, to_state, at, exhausted, effects)"
            " VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp(), %s, %s)",
            (row["entity"], row["version"] + 1, kind, inbox_row, row["state"], state, exhausted, json.dumps(effects)))
        cursor.execute(
            "UPDATE registration SET state = %s, version = version + 1, changed_at = clock_timestamp() WHERE entity = %s",
            (state, row["entity"]))

    def view(self, cursor, entity, after):
        row = self.find(cursor, entity)
        if row is None:
            return None
        cursor.execute("SELECT * FROM move WHERE entity = %s AND version > %s ORDER BY version", (entity, after))
        moves = [self.shown(move) for move in cursor.fetchall()]
        return {
            "entity": entity, "state": row["state"], "version": row["version"], "epoch": row["epoch"], "isReleased": row["released"],
            "record": row["record"], "references": [f"ext-{entity}"], "moves": moves}

    @staticmethod
    def shown(move):
        shown = {
            "version": move["version"], "event": move["event"], "from": move["from_state"], "to": move["to_state"],
            "at": move["at"].astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z", "effects": move["effects"]}
        if move["inbox_row"] is not None:
            shown["row"] = move["inbox_row"]
        if move["exhausted"]:
            shown["exhausted"] = move["exhausted"]
        return shown

    # The protocol

    def fenced(self, cursor, row, epoch, version):
        """Refuses who decided under an older epoch or on an older version."""
        if row and epoch < row["epoch"] and self.wrong != "ignores-epochs":
            raise Refusal(409, {"problem": "stale", "epoch": row["epoch"]})
        if row and row["released"] and epoch <= row["epoch"] and self.wrong != "ignores-epochs":
            raise Refusal(409, {"problem": "stale", "epoch": row["epoch"]})
        known = row["version"] if row else 0
        if version != known and self.wrong != "ignores-versions":
            raise Refusal(409, {"problem": "moved", "view": self.view(cursor, row["entity"], version)} if row else {"problem": "stale", "epoch": 0})

    def once(self, call, key, work):
        """Does a call once: whoever repeats it gets the answer that was stored with the work."""
        entity = call["entity"]
        with self.transaction() as cursor:
            self.lock(cursor, entity)
            if not (self.wrong == "repeats" and key.startswith("handle")):
                cursor.execute("SELECT body FROM answer WHERE entity = %s AND key = %s", (entity, key))
                known = cursor.fetchone()
                if known:
                    return known["body"]
            body = work(cursor, self.find(cursor, entity), call)
            cursor.execute(
                "INSERT INTO answer VALUES (%s, %s, %s) ON CONFLICT (entity, key) DO UPDATE SET body = excluded.body",
                (entity, key, json.dumps(body)))
            return body

    @staticmethod
    def idle(cursor, entity):
        """Refuses what comes while the service has work of its own for the entity."""
        cursor.execute("SELECT 1 FROM queue WHERE entity = %s LIMIT 1", (entity,))
        if cursor.fetchone():
            raise Refusal(409, {"problem": "busy", "detail": "an event of it waits in the queue"})

    def handle(self, call):
        return self.once(call, f"handle/{call['row']}/{call['attempt']}", self.handled)

    def handled(self, cursor, row, call):
        entity, kind = call["entity"], call["event"]["kind"]
        self.fenced(cursor, row, call["epoch"], call["version"])
        if row is None:
            if kind != "registration.submit":
                return {"result": "undefined", "reason": "no such registration"}
            record = {**call["event"]["payload"], "ours": "kept"}
            cursor.execute(
                "INSERT INTO registration VALUES (%s, 'NEW', %s, 0, %s, false, clock_timestamp())",
                (entity, json.dumps(record), call["epoch"]))
            row = self.find(cursor, entity)
        self.idle(cursor, entity)
        cursor.execute("UPDATE registration SET epoch = greatest(epoch, %s) WHERE entity = %s", (call["epoch"], entity))
        return self.first(cursor, row, call)

    def first(self, cursor, row, call):
        """The first attempt is made at once; what fails waits in the queue."""
        kind = call["event"]["kind"]
        if kind not in HANDLED[row["state"]]:
            return {"result": "undefined", "view": self.view(cursor, row["entity"], call["version"])}
        try:
            state, effects = self.decide(row, kind)
        except Trouble as trouble:
            cursor.execute(
                "INSERT INTO queue (entity, inbox_row, event, attempt, next_at) VALUES (%s, %s, %s, 1, clock_timestamp() + interval '0.2 s')",
                (row["entity"], call["row"], json.dumps(call["event"])))
            return {"result": "queued", "reason": str(trouble), "view": self.view(cursor, row["entity"], call["version"])}
        self.move(cursor, row, kind, call["row"], state, effects)
        return {"result": "handled", "view": self.view(cursor, row["entity"], call["version"])}

    def release(self, call):
        return self.once(call, f"release/{call['epoch']}", self.released)

    def released(self, cursor, row, call):
        entity = call["entity"]
        if row is None:
            raise Refusal(422, {"detail": "no such registration"})
        self.fenced(cursor, row, call["epoch"], call["version"])
        self.idle(cursor, entity)
        cursor.execute("UPDATE registration SET epoch = %s, released = true WHERE entity = %s", (call["epoch"], entity))
        return self.view(cursor, entity, call["version"])

    def take(self, call):
        return self.once(call, f"take/{call['epoch']}", self.taken)

    def taken(self, cursor, row, call):
        entity = call["entity"]
        if row and call["epoch"] < row["epoch"] and self.wrong != "ignores-epochs":
            raise Refusal(409, {"problem": "stale", "epoch": row["epoch"]})
        if call["state"] not in HANDLED:
            raise Refusal(422, {"detail": "no such state"})
        record = row["record"] if self.wrong == "loses-records" and row else call["record"]
        cursor.execute(
            "INSERT INTO registration VALUES (%(e)s, %(s)s, %(r)s, 1, %(p)s, false, clock_timestamp()) ON CONFLICT (entity) DO UPDATE"
            " SET state = %(s)s, record = %(r)s, version = registration.version + 1, epoch = %(p)s, released = false,"
            " changed_at = clock_timestamp()",
            {"e": entity, "s": call["state"], "r": json.dumps(record), "p": call["epoch"]})
        return self.view(cursor, entity, 1 << 30)

    def changes(self, after, limit):
        with self.transaction() as cursor:
            alone = " AND inbox_row IS NOT NULL" if self.wrong == "hides-moves" else ""
            cursor.execute(f"SELECT change, entity, version FROM move WHERE change > %s{alone} ORDER BY change LIMIT %s", (after, limit))
            rows = cursor.fetchall()
        changes = [{"entity": row["entity"], "version": row["version"]} for row in rows]
        return {"changes": changes, "cursor": str(rows[-1]["change"] if rows else after)}

    # What it does by itself

    def work(self):
        """Tries what is due in the queue again; the retry counter is in its row."""
        with self.transaction() as cursor:
            cursor.execute("SELECT id, entity FROM queue WHERE next_at <= clock_timestamp() ORDER BY id LIMIT 50")
            due = cursor.fetchall()
        for item in due:
            with self.transaction() as cursor:
                self.lock(cursor, item["entity"])
                cursor.execute("SELECT * FROM queue WHERE id = %s", (item["id"],))
                queued = cursor.fetchone()
                if queued:
                    self.again(cursor, queued, self.find(cursor, item["entity"]))

    def again(self, cursor, queued, row):
        kind = queued["event"]["kind"]
        try:
            decided = self.decide(row, kind)
        except Trouble as trouble:
            if queued["attempt"] < MOST_ATTEMPTS:
                cursor.execute(
                    "UPDATE queue SET attempt = attempt + 1, next_at = clock_timestamp() + interval '0.2 s' * attempt WHERE id = %s", (queued["id"],))
                return
            decided = ("ON_HOLD", [])
            self.move(cursor, row, kind, queued["inbox_row"], "ON_HOLD", [], str(trouble))
        else:
            if decided:
                self.move(cursor, row, kind, queued["inbox_row"], *decided)
        cursor.execute("DELETE FROM queue WHERE id = %s", (queued["id"],))

    def cron(self, ahead=0.0):
        """Looks for what got stuck: asks the party, and goes on when it has decided. `ahead` pretends that so many seconds have passed."""
        with self.transaction() as cursor:
            cursor.execute(
                "SELECT entity FROM registration WHERE (state LIKE '%%\\_PENDING' OR %s) AND (NOT released OR %s)"
                " AND changed_at <= clock_timestamp() + interval '1 s' * %s - interval '1 s' * %s ORDER BY entity",
                (self.wrong == "acts-released", self.wrong == "acts-released", ahead, self.stuck_after))
            stuck = [row["entity"] for row in cursor.fetchall()]
        for entity in stuck:
            with self.transaction() as cursor:
                self.lock(cursor, entity)
                self.poll(cursor, self.find(cursor, entity))
        return len(stuck)

    def poll(self, cursor, row):
        if self.wrong == "acts-released" and row["released"]:
            return self.move(cursor, row, "timer.poll", None, row["state"], [])
        word = word_of(row["state"])
        cursor.execute("SELECT 1 FROM queue WHERE entity = %s LIMIT 1", (row["entity"],))
        if row["released"] or word is None or cursor.fetchone():
            return None
        cursor.execute("SELECT 1 FROM outside_decision WHERE entity = %s AND step = %s", (row["entity"], STEPS[WORDS.index(word)][0]))
        if not cursor.fetchone() and not row["record"].get("decided"):
            return None
        try:
            state, effects = self.after(row["entity"], word)
        except Trouble:
            return None
        return self.move(cursor, row, "timer.poll", None, state, effects)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service = None
    cut = 0
    calls = collections.Counter()
    counting = threading.Lock()

    @property
    def call_name(self):
        return urllib.parse.urlparse(self.path).path.rsplit("/", 1)[-1]

    def drops(self):
        """For tests: every so many calls of a kind, the line is cut before the call is seen, or before its answer is sent, in turn.

        Counted by kind: over all calls, one that always follows two polls would be cut again and again.
        """
        with Handler.counting:
            Handler.calls[self.call_name] += 1
            calls = Handler.calls[self.call_name]
        if not Handler.cut or calls % Handler.cut:
            return None
        return "request" if calls // Handler.cut % 2 else "answer"

    def log_message(self, *_):
        pass

    def reply(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def run(self, work):
        dropped = self.drops()
        if dropped:
            self.close_connection = True
        if dropped == "request":
            return
        try:
            body = work()
            if not dropped:
                self.reply(200, body)
        except Refusal as refusal:
            self.reply(refusal.status, refusal.body)
        except (KeyError, TypeError, ValueError) as error:
            self.reply(400, {"detail": f"expected a call of the protocol, found one without {type(error).__name__} {error}"})
        except (BrokenPipeError, ConnectionResetError):
            pass
        except Exception:
            traceback.print_exc()
            self.reply(500, {"detail": "see the log"})

    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))
        name = self.call_name
        if name == "machine":
            return self.run(machine)
        if name == "view":
            return self.run(lambda: self.view(query))
        if name == "changes":
            return self.run(lambda: self.service.changes(int(query.get("after") or 0), min(int(query.get("limit", 100)), 1000)))
        return self.reply(404, {"detail": "no such call"})

    def view(self, query):
        with self.service.transaction() as cursor:
            # A snapshot of one moment: record and moves belong together.
            self.service.lock(cursor, query["entity"])
            view = self.service.view(cursor, query["entity"], int(query.get("after", 0)))
        if view is None:
            raise Refusal(404, {"detail": "no such registration"})
        return view

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(min(length, 16 << 20))
        name = self.call_name
        calls = {"handle": self.service.handle, "release": self.service.release, "take": self.service.take, "tick": self.tick}
        if name not in calls:
            return self.reply(404, {"detail": "no such call"})

        def work():
            call = json.loads(text)
            if not isinstance(call, dict):
                raise ValueError("an object")
            return calls[name](call)

        return self.run(work)

    def tick(self, call):
        """For tests and checks: the cron job, as if so many seconds had passed."""
        return {"looked": self.service.cron(float(call["seconds"]))}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256


def every(seconds, work):
    while True:
        try:
            work()
        except Exception:
            traceback.print_exc()
        time.sleep(seconds)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--stuck-after", type=float, default=86400, help="seconds after which the cron job looks at what waits")
    parser.add_argument("--cron-every", type=float, default=3600)
    parser.add_argument(
        "--wrong", choices=["repeats", "ignores-epochs", "ignores-versions", "acts-released", "loses-records", "hides-moves"])
    parser.add_argument("--cut", type=int, default=0, help="drops one of so many calls of a kind, its request and its answer in turn")
    options = parser.parse_args()
    service = Service(options.database, options.wrong, options.stuck_after)
    Handler.service, Handler.cut = service, options.cut
    server = Server(("127.0.0.1", options.port), Handler)
    threading.Thread(target=every, args=(0.05, service.work), daemon=True).start()
    threading.Thread(target=every, args=(options.cron_every, service.cron), daemon=True).start()
    print(f"listening on http://127.0.0.1:{server.server_address[1]}/lockstep/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
