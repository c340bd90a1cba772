DROP POLICY first_revision ON quiz_results;
DELETE FROM quiz_results WHERE revision > 1;
ALTER TABLE quiz_results
DROP CONSTRAINT quiz_results_pkey,
DROP COLUMN revision, DROP COLUMN name, DROP COLUMN import_batch_id, DROP COLUMN made_by,
DROP COLUMN why,
ADD PRIMARY KEY (quiz_id);
