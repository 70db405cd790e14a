-- The embedded durable engine: runs, their histories, and what they wait for.

CREATE TABLE workflow (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'blocked', 'completed', 'failed', 'cancelled')),
    ready INTEGER NOT NULL CHECK (ready IN (0, 1)),
    length INTEGER NOT NULL,
    problem TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX workflow_ready ON workflow (id) WHERE ready = 1 AND status IN ('running', 'blocked');

CREATE TABLE workflow_event (
    workflow TEXT NOT NULL,
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    signal TEXT,
    PRIMARY KEY (workflow, id)
) STRICT, WITHOUT ROWID;

-- A signal id is received once.
CREATE UNIQUE INDEX workflow_signal ON workflow_event (workflow, signal) WHERE signal IS NOT NULL;

CREATE TABLE workflow_activity (
    workflow TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    name TEXT NOT NULL,
    input TEXT NOT NULL,
    retry TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    last_failure TEXT,
    PRIMARY KEY (workflow, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX workflow_activity_due ON workflow_activity (due_at, workflow, sequence);

CREATE TABLE workflow_timer (
    workflow TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    fire_at INTEGER NOT NULL,
    PRIMARY KEY (workflow, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX workflow_timer_due ON workflow_timer (fire_at, workflow, sequence);
