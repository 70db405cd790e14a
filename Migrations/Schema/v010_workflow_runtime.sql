-- The durable engine's runs, histories and due things. It replaces v002's tables, which no release has written.
-- Times are milliseconds since 1970 in UTC.

DROP TABLE workflow;
DROP TABLE workflow_event;
DROP TABLE workflow_activity;
DROP TABLE workflow_timer;

CREATE TABLE workflow_run (
    key INTEGER PRIMARY KEY,
    workflow TEXT NOT NULL,
    run TEXT NOT NULL,
    type TEXT NOT NULL,
    queue TEXT NOT NULL,
    status TEXT NOT NULL CHECK (
        status IN ('running', 'blocked', 'completed', 'failed', 'cancelled', 'terminated', 'continuedAsNew', 'timedOut')
    ),
    length INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    closed_at INTEGER,
    problem TEXT,
    -- Memo, search attributes and attempts as JSON; absent when there are none.
    more TEXT
) STRICT;

-- The current run of a workflow is the one with the highest key.
CREATE INDEX workflow_run_workflow ON workflow_run (workflow, key);

-- Retention deletes what has been closed for long.
CREATE INDEX workflow_run_closed ON workflow_run (closed_at) WHERE closed_at IS NOT NULL;

-- One row per batch of events, in the engine's compact form.
CREATE TABLE workflow_history (
    run INTEGER NOT NULL,
    first INTEGER NOT NULL,
    events BLOB NOT NULL,
    PRIMARY KEY (run, first)
) STRICT, WITHOUT ROWID;

-- What is to happen when: tasks, timers, activities, messages between workflows, schedules. A million cost nothing until due.
CREATE TABLE workflow_due (
    at INTEGER NOT NULL,
    run INTEGER NOT NULL,
    event INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('timer', 'timeout', 'task', 'activity', 'transfer', 'schedule')),
    workflow TEXT NOT NULL,
    queue TEXT NOT NULL,
    body TEXT,
    PRIMARY KEY (at, run, event, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE workflow_schedule (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
