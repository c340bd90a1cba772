DROP TABLE response_history;
ALTER TABLE user_responses DROP COLUMN import_batch_id;
ALTER TABLE quiz_items DROP COLUMN import_batch_id;
-- the older sum knows no missing and no replaced rows: neither is new
ALTER TABLE import_batches DROP CONSTRAINT import_batches_rows_add_up;
UPDATE import_batches SET
    rows_known = rows_known + rows_replaced,
    rows_rejected = rows_rejected + rows_missing;
ALTER TABLE import_batches
DROP COLUMN rows_missing, DROP COLUMN rows_replaced, DROP COLUMN mapping, DROP COLUMN published_questions,
DROP COLUMN undone_at, DROP COLUMN undone_by;
ALTER TABLE import_batches ADD CHECK (rows_read = rows_inserted + rows_known + rows_rejected);
