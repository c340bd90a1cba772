-- What is stored about a person is given out and erased over the API, too: such requests name a person
-- and no exam. What is given out lies in pieces beside its request, as the rest does, and goes with it.
-- A file of responses may bring its file of keys.
-- depends: 0051_option_order

ALTER TABLE data_requests
ALTER exam DROP NOT NULL,
-- whom it is about; an erasure takes the name out
ADD COLUMN person text CHECK (person <> ''),
DROP CONSTRAINT data_requests_kind_check,
ADD CONSTRAINT data_requests_kind_check
CHECK (kind IN ('responses', 'items', 'undo', 'person_export', 'person_erase')),
ADD CONSTRAINT data_requests_of_exam_or_person CHECK (
    num_nonnulls(exam, person) = 1
    AND (kind IN ('person_export', 'person_erase')) = (person IS NOT NULL)
);
ALTER TABLE data_requests
ADD COLUMN key_name text,
ADD COLUMN key_bytes bigint CHECK (key_bytes > 0),
ADD COLUMN key_sha256 text CHECK (key_sha256 ~ '^[0-9a-f]{64}$'),
ADD CONSTRAINT data_requests_key_is_whole
CHECK (num_nulls(key_name, key_bytes, key_sha256) IN (0, 3)),
ADD CONSTRAINT data_requests_key_is_of_responses CHECK (key_name IS NULL OR kind = 'responses');
CREATE INDEX data_requests_person_idx ON data_requests (tenant_id, person) WHERE person IS NOT NULL;
ALTER TABLE data_request_files
DROP CONSTRAINT data_request_files_what_check,
ADD CONSTRAINT data_request_files_what_check CHECK (what IN ('upload', 'key', 'rejects', 'document'));
DROP POLICY upload ON data_request_files;
CREATE POLICY upload ON data_request_files AS RESTRICTIVE FOR INSERT TO qbank_delivery
WITH CHECK (what IN ('upload', 'key') AND (
    SELECT r.created_at = transaction_timestamp() FROM data_requests AS r WHERE r.id = request_id
));
