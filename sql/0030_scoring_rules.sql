-- What an item's answers score: its keys, credit for everybody, or nothing at all (void), with who
-- said so, when and why. A response keeps what was given beside what it scores.
-- depends: 0023_walls

ALTER TABLE import_batches
-- a rescore brings a key to answers that are there; it is listed and undone like an import
ADD COLUMN kind text NOT NULL DEFAULT 'import' CHECK (kind IN ('import', 'rescore')),
ADD COLUMN why text CHECK (why <> '');

CREATE TABLE scoring_rules (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_batch_id bigint NOT NULL REFERENCES import_batches (id),
    exam_code text NOT NULL REFERENCES exams (exam_code),
    question_id bigint NOT NULL,
    version integer NOT NULL,
    -- key: the options in `keys` are right; all: every answer is; void: none counts
    rule text NOT NULL CHECK (rule IN ('key', 'all', 'void')),
    keys text [] NOT NULL DEFAULT '{}' CHECK (array_to_string(keys, '') ~ '^[A-Z0-9]*$'),
    -- a void item is no longer live; it is again when the rule is taken back
    was_live boolean NOT NULL DEFAULT false,
    set_by text NOT NULL CHECK (set_by <> ''),
    why text CHECK (why <> ''),
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((rule = 'key') = (cardinality(keys) > 0)),
    FOREIGN KEY (question_id, version) REFERENCES question_versions (question_id, version)
);
CREATE INDEX scoring_rules_item_idx ON scoring_rules (exam_code, question_id, version, id DESC);
CREATE INDEX scoring_rules_import_batch_id_idx ON scoring_rules (import_batch_id);
CREATE TRIGGER scoring_rules_append_only BEFORE UPDATE OR DELETE ON scoring_rules
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_history();

-- The newest rule of each item version that was not taken back.
CREATE VIEW scoring_rules_in_force AS
SELECT DISTINCT ON (r.exam_code, r.question_id, r.version)
    r.id, r.import_batch_id, r.exam_code, r.question_id, r.version, r.rule, r.keys, r.was_live,
    r.set_by, r.why, r.created_at
FROM scoring_rules AS r JOIN import_batches AS b ON b.id = r.import_batch_id
WHERE b.undone_at IS NULL
ORDER BY r.exam_code, r.question_id, r.version, r.id DESC;

GRANT SELECT ON scoring_rules, scoring_rules_in_force TO qbank_orchestration;

-- an answer to a void item stays as it is, and counts for nothing
ALTER TABLE user_responses ADD COLUMN is_void boolean NOT NULL DEFAULT false;
ALTER TABLE response_history
ADD COLUMN was_void boolean NOT NULL DEFAULT false,
ADD COLUMN is_void boolean NOT NULL DEFAULT false;

-- facts have a column more: the marts are built anew
DELETE FROM mart_reads;
