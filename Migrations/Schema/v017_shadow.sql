-- What a shadow has seen and found. It has a database of its own beside the owner's, where these tables stay empty. See decision 039.
CREATE TABLE shadow_note (
    sequence INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    step TEXT NOT NULL,
    visit INTEGER NOT NULL,
    -- The class of the visit's way, in its last note.
    path TEXT,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX shadow_note_entity ON shadow_note (entity);
CREATE INDEX shadow_note_over ON shadow_note (step, path) WHERE path IS NOT NULL;

-- Results that did not match.
CREATE TABLE shadow_result (
    sequence INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    step TEXT NOT NULL,
    visit INTEGER NOT NULL,
    at INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX shadow_result_entity ON shadow_result (entity);

CREATE TABLE shadow_count (
    step TEXT NOT NULL,
    path TEXT NOT NULL,
    verdict TEXT NOT NULL,
    visits INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    unanswered INTEGER NOT NULL,
    PRIMARY KEY (step, path, verdict)
) STRICT, WITHOUT ROWID;
