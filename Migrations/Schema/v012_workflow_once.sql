-- Ids of signals, updates and starts that earlier runs of a workflow have taken: each counts once, also in the runs that follow.
CREATE TABLE workflow_request (
    -- The signals or updates of a chain of runs, or the starts of a workflow id.
    scope TEXT NOT NULL,
    id TEXT NOT NULL,
    -- The run that has taken it; it is remembered as long as that run is.
    run INTEGER NOT NULL,
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;

-- Retention deletes what belongs to a deleted run.
CREATE INDEX workflow_request_run ON workflow_request (run);

-- Due things that could not be run, set aside so that everything else goes on.
CREATE TABLE workflow_quarantine (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    run INTEGER NOT NULL,
    event INTEGER NOT NULL,
    kind TEXT NOT NULL,
    workflow TEXT NOT NULL,
    queue TEXT NOT NULL,
    body TEXT,
    problem TEXT NOT NULL,
    quarantined_at INTEGER NOT NULL
) STRICT;

CREATE INDEX workflow_quarantine_due ON workflow_quarantine (at, run, event, kind);
