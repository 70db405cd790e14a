-- Typed moves instead of sentences, visits of steps, ids that are unique within their sender, quarantine, and a checksum in every row
-- that decides something. A row of an older build has none and is taken as it is.

-- Ownership: how often each step was completed ('2=1 5.2=1'), and the last one that is complete in the present round.
CREATE TABLE ownership_011 (
    entity TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL CHECK (epoch > 0),
    owner TEXT NOT NULL CHECK (owner IN ('legacy', 'durable')),
    step TEXT NOT NULL,
    passed TEXT,
    completions TEXT NOT NULL,
    pins TEXT NOT NULL,
    sum INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO ownership_011
SELECT entity, epoch, owner, step,
    CASE completed WHEN '' THEN NULL ELSE substr(completed, length(rtrim(completed, replace(completed, ' ', ''))) + 1) END,
    CASE completed WHEN '' THEN '' ELSE replace(completed, ' ', '=1 ') || '=1' END, pins, NULL
FROM ownership;
DROP TABLE ownership;
ALTER TABLE ownership_011 RENAME TO ownership;
-- The reconciler looks at what durable owns.
CREATE INDEX ownership_durable ON ownership (entity) WHERE owner = 'durable';

ALTER TABLE record ADD COLUMN sum INTEGER;

-- Two checksums: of the event, which never changes, and of what became of it.
CREATE TABLE inbox_011 (
    sequence INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    event_id TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,
    sum INTEGER,
    disposition TEXT NOT NULL CHECK (disposition IN ('pending', 'consumed', 'signalled', 'parked', 'late', 'dead')),
    epoch INTEGER,
    priority INTEGER NOT NULL CHECK (priority IN (0, 1)),
    attempt INTEGER NOT NULL CHECK (attempt > 0),
    visible_at INTEGER NOT NULL,
    place_sum INTEGER,
    UNIQUE (source, event_id)
) STRICT;
INSERT INTO inbox_011
SELECT sequence, entity, event_id, source, kind, payload, received_at, occurred_at, NULL, disposition, epoch, priority, attempt, visible_at,
    NULL
FROM inbox;

-- Messages name the inbox row instead of repeating its event, and go when they were sent.
CREATE TABLE outbox_011 (
    sequence INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('start', 'signal', 'cancel')),
    row INTEGER,
    segment TEXT,
    sum INTEGER
) STRICT;
INSERT INTO outbox_011
SELECT sequence, entity, epoch, kind,
    CASE kind WHEN 'signal' THEN (SELECT i.sequence FROM inbox i WHERE i.event_id = json_extract(payload, '$.id')) END,
    CASE kind WHEN 'start' THEN payload END, NULL
FROM outbox WHERE done = 0;
DROP TABLE outbox;
ALTER TABLE outbox_011 RENAME TO outbox;

DROP TABLE inbox;
ALTER TABLE inbox_011 RENAME TO inbox;
-- A restart loads what is open, a row with a damaged disposition too; a change of hands finds the open rows of one entity.
CREATE INDEX inbox_open ON inbox (entity, disposition) WHERE disposition NOT IN ('consumed', 'late', 'dead');
-- An audit and a rehearsal look at all rows of one entity.
CREATE INDEX inbox_entity ON inbox (entity);

-- Ids of deliveries that repeated the last word: they never count, whatever comes in between.
CREATE TABLE repetition (
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    PRIMARY KEY (source, event_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE subject ADD COLUMN calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subject ADD COLUMN sum INTEGER;
ALTER TABLE reference ADD COLUMN sum INTEGER;
ALTER TABLE ledger ADD COLUMN sum INTEGER;
ALTER TABLE setting ADD COLUMN sum INTEGER;

CREATE TABLE dead_letter_011 (
    sequence INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    type TEXT,
    body TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    UNIQUE (source, event_id)
) STRICT;
INSERT INTO dead_letter_011 SELECT sequence, event_id, source, reason, detail, NULL, body, received_at FROM dead_letter;
DROP TABLE dead_letter;
ALTER TABLE dead_letter_011 RENAME TO dead_letter;

-- The moves of one transaction, as a JSON array; owner and epoch are those before it.
CREATE TABLE move (
    sequence INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    at INTEGER NOT NULL,
    owner TEXT NOT NULL CHECK (owner IN ('legacy', 'durable')),
    epoch INTEGER NOT NULL,
    moves TEXT NOT NULL,
    sum INTEGER
) STRICT;
INSERT INTO move
SELECT sequence, entity, at, owner, epoch, json_array(json_object('move', 'noted', 'what', what, 'detail', detail)), NULL FROM journal;
DROP TABLE journal;
CREATE INDEX move_entity ON move (entity);

-- What was read outside: a shadow gets the same answers.
CREATE TABLE reading (
    sequence INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    operation TEXT NOT NULL,
    request TEXT NOT NULL,
    reply TEXT NOT NULL,
    owner TEXT NOT NULL CHECK (owner IN ('legacy', 'durable')),
    epoch INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX reading_entity ON reading (entity);

-- Effects that were begun with a party that cannot say what it has done.
CREATE TABLE intention (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    owner TEXT NOT NULL CHECK (owner IN ('legacy', 'durable')),
    epoch INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was set aside. Nothing of its entity is handled until it is released.
CREATE TABLE quarantine (
    sequence INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('event', 'entity', 'message', 'effect')),
    key TEXT NOT NULL,
    entity TEXT NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    UNIQUE (kind, key)
) STRICT;
CREATE INDEX quarantine_entity ON quarantine (entity);
