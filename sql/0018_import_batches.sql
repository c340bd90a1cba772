-- Every response knows the import it came with, and keeps what it said before it was replaced.
-- depends: 0016_pool_versions

ALTER TABLE import_batches
-- rows that are no answer: the item was not administered, or not reached
ADD COLUMN rows_missing bigint NOT NULL DEFAULT 0 CHECK (rows_missing >= 0),
-- rows that changed an answer which was there
ADD COLUMN rows_replaced bigint NOT NULL DEFAULT 0 CHECK (rows_replaced >= 0),
-- which column was taken for what, and what else decides which sitting a row belongs to
ADD COLUMN mapping jsonb CHECK (jsonb_typeof(mapping) = 'object'),
-- questions that became live in the exam through it
ADD COLUMN published_questions bigint [] NOT NULL DEFAULT '{}',
ADD COLUMN undone_at timestamptz,
ADD COLUMN undone_by text;

DO $$
DECLARE
    name text;
BEGIN
    SELECT c.conname INTO STRICT name FROM pg_constraint AS c
    WHERE c.conrelid = 'import_batches'::regclass AND c.contype = 'c'
        AND cardinality(c.conkey) = 4;
    EXECUTE format('ALTER TABLE import_batches DROP CONSTRAINT %I', name);
END $$;
ALTER TABLE import_batches ADD CONSTRAINT import_batches_rows_add_up CHECK (
    rows_read = rows_inserted + rows_known + rows_replaced + rows_missing + rows_rejected
);

-- without a default: no row is rewritten, and rows of delivery have none
ALTER TABLE quiz_items ADD COLUMN import_batch_id bigint REFERENCES import_batches (id);
ALTER TABLE user_responses ADD COLUMN import_batch_id bigint REFERENCES import_batches (id);
-- rows of an import lie together
CREATE INDEX quiz_items_import_batch_id_idx ON quiz_items USING brin (import_batch_id);
CREATE INDEX user_responses_import_batch_id_idx ON user_responses USING brin (import_batch_id);

CREATE TABLE response_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_batch_id bigint NOT NULL REFERENCES import_batches (id),
    quiz_id text NOT NULL,
    question_id bigint NOT NULL,
    version integer NOT NULL,
    -- what it was, and the import that had brought it
    was_correct boolean NOT NULL,
    was_option_label char(1),
    was_time_taken_ms integer,
    was_created_at timestamptz NOT NULL,
    was_import_batch_id bigint REFERENCES import_batches (id),
    -- what it is; null where the import says that the item was not answered
    is_correct boolean,
    option_label char(1),
    changed_by text NOT NULL CHECK (changed_by <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX response_history_quiz_id_idx ON response_history (quiz_id, question_id);
CREATE INDEX response_history_import_batch_id_idx ON response_history (import_batch_id);

CREATE TRIGGER response_history_append_only
BEFORE UPDATE OR DELETE ON response_history
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_history();
GRANT SELECT ON response_history TO qbank_orchestration;
