-- Effects that were begun with a party that cannot say what it has done, in the order in which they were begun: a person who finds out
-- what became of them is asked in that order, and the ledger has it too.
CREATE TABLE begun (
    sequence INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    request TEXT NOT NULL,
    owner TEXT NOT NULL CHECK (owner IN ('legacy', 'durable')),
    epoch INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
INSERT INTO begun (key, request, owner, epoch, attempt, at)
    SELECT key, request, owner, epoch, attempt, at FROM intention ORDER BY at, key;
DROP TABLE intention;
ALTER TABLE begun RENAME TO intention;
