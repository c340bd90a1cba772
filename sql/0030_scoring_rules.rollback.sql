DELETE FROM mart_reads;
ALTER TABLE response_history DROP COLUMN was_void, DROP COLUMN is_void;
ALTER TABLE user_responses DROP COLUMN is_void;
DROP VIEW scoring_rules_in_force;
DROP TABLE scoring_rules;
ALTER TABLE import_batches DROP COLUMN kind, DROP COLUMN why;
