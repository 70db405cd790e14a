-- What became true of an entity long ago, in one row: its moves, a line for each transaction, and the ids of its deliveries, whose
-- contents are gone. See decision 037.
CREATE TABLE archive (
    entity TEXT PRIMARY KEY,
    -- Lines of `at owner epoch moves`, oldest first; the columns are those of `move`.
    moves TEXT NOT NULL,
    -- A JSON array of pairs of source and event id.
    deliveries TEXT NOT NULL,
    sum INTEGER
) STRICT, WITHOUT ROWID;
