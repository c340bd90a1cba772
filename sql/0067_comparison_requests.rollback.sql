DELETE FROM data_requests WHERE kind = 'comparison';
ALTER TABLE data_requests
DROP CONSTRAINT data_requests_kind_check,
ADD CONSTRAINT data_requests_kind_check
CHECK (kind IN ('responses', 'items', 'undo', 'person_export', 'person_erase', 'report'));
