-- A sitting may have items that are tried out: their answers score nothing until the item has parameters.
-- depends: 0051_option_order

-- positions at which an item is to be tried out, drawn when the sitting begins; num_questions counts
-- the scored items alone
ALTER TABLE quiz_sessions ADD COLUMN pretest_positions integer [] NOT NULL DEFAULT '{}'
CHECK (1 < ALL(pretest_positions));
ALTER TABLE quiz_items ADD COLUMN is_pretest boolean NOT NULL DEFAULT false;
-- how often an item was given in all, whatever the day
CREATE INDEX exposure_daily_item_idx ON exposure_daily (exam_code, question_id, version);
-- facts have columns more: the marts are built anew
DELETE FROM mart_reads;
