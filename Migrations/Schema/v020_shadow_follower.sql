-- Who follows: durable in legacy's shadow, as before, or legacy in durable's. See decision 059.
ALTER TABLE shadow_note ADD COLUMN follower TEXT NOT NULL DEFAULT 'durable';
ALTER TABLE shadow_result ADD COLUMN follower TEXT NOT NULL DEFAULT 'durable';
DROP INDEX shadow_note_over;
CREATE INDEX shadow_note_over ON shadow_note (step, follower, path) WHERE path IS NOT NULL;

CREATE TABLE shadow_count_of_both (
    step TEXT NOT NULL,
    follower TEXT NOT NULL,
    path TEXT NOT NULL,
    verdict TEXT NOT NULL,
    visits INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    unanswered INTEGER NOT NULL,
    PRIMARY KEY (step, follower, path, verdict)
) STRICT, WITHOUT ROWID;
INSERT INTO shadow_count_of_both
    SELECT step, 'durable', path, verdict, visits, answered, unanswered FROM shadow_count;
DROP TABLE shadow_count;
ALTER TABLE shadow_count_of_both RENAME TO shadow_count;
