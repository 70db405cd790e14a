-- What a visit that legacy has followed is evidence of: a case for the gate of stage retired. No id of the entity itself. See decision 062.
CREATE TABLE shadow_judged (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    step TEXT NOT NULL,
    version TEXT NOT NULL,
    path TEXT NOT NULL,
    way TEXT NOT NULL,
    mismatch INTEGER NOT NULL,
    UNIQUE (id, version)
) STRICT;
