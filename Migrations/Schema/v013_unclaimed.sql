-- Dead letters about somebody whom nobody knows yet, by each id that the sender used: the first entity to get one of them gets the delivery.
CREATE TABLE unclaimed (
    letter INTEGER NOT NULL,
    external TEXT NOT NULL,
    -- The event without its payload, which is the letter's body.
    event TEXT NOT NULL,
    PRIMARY KEY (letter, external)
) STRICT, WITHOUT ROWID;

-- A commit that makes an id known looks for what waits for it.
CREATE INDEX unclaimed_external ON unclaimed (external);
