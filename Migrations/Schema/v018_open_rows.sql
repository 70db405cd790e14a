-- Three comparisons: SQLite makes a table of its own for a list of more than two words, at every insertion and change of a row.
DROP INDEX inbox_open;
CREATE INDEX inbox_open ON inbox (entity, disposition)
    WHERE disposition <> 'consumed' AND disposition <> 'late' AND disposition <> 'dead';
