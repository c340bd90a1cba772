-- Items come in by files, too: a version knows its import, which is listed and undone like others.
-- depends: 0034_result_revisions
ALTER TABLE import_batches DROP CONSTRAINT import_batches_kind_check;
ALTER TABLE import_batches ADD CONSTRAINT import_batches_kind_check
CHECK (kind IN ('import', 'rescore', 'items'));

-- without a default: no row is rewritten, and what authors write has none
ALTER TABLE question_versions ADD COLUMN import_batch_id bigint REFERENCES import_batches (id);
CREATE INDEX question_versions_import_batch_id_idx ON question_versions (import_batch_id)
WHERE import_batch_id IS NOT NULL;
