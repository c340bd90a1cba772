-- an older release knows nothing of requests about people, nor of what they gave out, nor of files of
-- keys: an import that waits with one would come in without
DO $$
BEGIN
    IF EXISTS (SELECT FROM data_requests WHERE key_name IS NOT NULL AND finished_at IS NULL) THEN
        RAISE EXCEPTION 'imports with a file of keys wait: let the daemon carry them out first';
    END IF;
END $$;
DELETE FROM data_request_files WHERE what = 'key';
DELETE FROM data_request_files AS f USING data_requests AS r
WHERE r.id = f.request_id AND r.person IS NOT NULL;
DELETE FROM data_requests WHERE person IS NOT NULL;
DROP POLICY upload ON data_request_files;
CREATE POLICY upload ON data_request_files AS RESTRICTIVE FOR INSERT TO qbank_delivery
WITH CHECK (what = 'upload' AND (
    SELECT r.created_at = transaction_timestamp() FROM data_requests AS r WHERE r.id = request_id
));
ALTER TABLE data_request_files
DROP CONSTRAINT data_request_files_what_check,
ADD CONSTRAINT data_request_files_what_check CHECK (what IN ('upload', 'rejects'));
ALTER TABLE data_requests
DROP CONSTRAINT data_requests_of_exam_or_person,
DROP CONSTRAINT data_requests_kind_check,
ADD CONSTRAINT data_requests_kind_check CHECK (kind IN ('responses', 'items', 'undo')),
DROP COLUMN person,
DROP COLUMN key_name,
DROP COLUMN key_bytes,
DROP COLUMN key_sha256,
ALTER exam SET NOT NULL;
