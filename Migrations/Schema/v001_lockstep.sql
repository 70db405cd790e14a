-- Ownership, records, inbox, outbox, ledger and audit. Times are milliseconds since 1970 in UTC.

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ownership (
    entity TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL CHECK (epoch > 0),
    owner TEXT NOT NULL CHECK (owner IN ('legacy', 'durable')),
    step TEXT NOT NULL,
    completed TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE record (
    entity TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    body TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    final INTEGER NOT NULL CHECK (final IN (0, 1)),
    created_at INTEGER NOT NULL,
    step_entered_at INTEGER NOT NULL,
    last_event_at INTEGER NOT NULL,
    last_swept_at INTEGER NOT NULL,
    due_at INTEGER
) STRICT;

-- The sweeper's crawl: what is due, earliest first.
CREATE INDEX record_due ON record (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE inbox (
    sequence INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    event_id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,
    disposition TEXT NOT NULL CHECK (disposition IN ('pending', 'consumed', 'signalled', 'parked', 'late', 'dead')),
    epoch INTEGER,
    priority INTEGER NOT NULL CHECK (priority IN (0, 1)),
    attempt INTEGER NOT NULL CHECK (attempt > 0),
    visible_at INTEGER NOT NULL,
    note TEXT NOT NULL DEFAULT ''
) STRICT;

-- A restart loads what is open; a hand off or hand back finds the open rows of one entity.
CREATE INDEX inbox_open ON inbox (entity, disposition) WHERE disposition IN ('pending', 'signalled', 'parked');

-- The last content per subject of senders without event ids.
CREATE TABLE subject (
    entity TEXT NOT NULL,
    subject TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (entity, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE reference (
    external TEXT PRIMARY KEY,
    entity TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('start', 'signal', 'cancel')),
    payload TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1))
) STRICT;

CREATE INDEX outbox_open ON outbox (sequence) WHERE done = 0;

CREATE TABLE ledger (
    sequence INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    entity TEXT NOT NULL,
    request TEXT NOT NULL,
    reply TEXT NOT NULL,
    owner TEXT NOT NULL CHECK (owner IN ('legacy', 'durable')),
    epoch INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX ledger_entity ON ledger (entity);

CREATE TABLE dead_letter (
    sequence INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    body TEXT NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;

CREATE TABLE journal (
    sequence INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    at INTEGER NOT NULL,
    owner TEXT NOT NULL CHECK (owner IN ('legacy', 'durable')),
    epoch INTEGER NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE INDEX journal_entity ON journal (entity);

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
