-- A result stays as it was told. What a key that was corrected makes of it is another one, with a name,
-- who made it and why; the newest is the one that counts.
-- depends: 0033_item_scoring

ALTER TABLE quiz_results
ADD COLUMN revision integer NOT NULL DEFAULT 1 CHECK (revision >= 1),
ADD COLUMN name text NOT NULL DEFAULT 'sealed' CHECK (name <> ''),
-- the rescore that made it, or whose taking back did
ADD COLUMN import_batch_id bigint REFERENCES import_batches (id),
ADD COLUMN made_by text CHECK (made_by <> ''),
ADD COLUMN why text CHECK (why <> ''),
ADD CONSTRAINT quiz_results_made_by_whom
CHECK ((revision = 1) = (import_batch_id IS NULL) AND (revision = 1) = (made_by IS NULL)),
DROP CONSTRAINT quiz_results_pkey,
ADD PRIMARY KEY (quiz_id, revision);
CREATE INDEX quiz_results_import_batch_id_idx ON quiz_results (import_batch_id)
WHERE import_batch_id IS NOT NULL;

-- delivery seals; it rescores nothing
CREATE POLICY first_revision ON quiz_results AS RESTRICTIVE FOR INSERT TO qbank_delivery
WITH CHECK (revision = 1);
