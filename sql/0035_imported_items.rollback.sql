ALTER TABLE question_versions DROP COLUMN import_batch_id;
-- imports of items are forgotten; what they brought stays
DELETE FROM import_batches WHERE kind = 'items';
ALTER TABLE import_batches DROP CONSTRAINT import_batches_kind_check;
ALTER TABLE import_batches ADD CONSTRAINT import_batches_kind_check
CHECK (kind IN ('import', 'rescore'));
