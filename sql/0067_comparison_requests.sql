-- A comparison of selection rules on an exam's own pool can be asked for over the API.
-- depends: 0065_option_codes

ALTER TABLE data_requests
DROP CONSTRAINT data_requests_kind_check,
ADD CONSTRAINT data_requests_kind_check
CHECK (
    kind IN (
        'responses', 'items', 'undo', 'person_export', 'person_erase', 'report', 'comparison'
    )
);
