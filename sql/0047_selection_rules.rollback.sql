-- Refused while a quiz was served by one of the new rules: nothing of it is rewritten.
ALTER TABLE quiz_sessions DROP CONSTRAINT quiz_sessions_selector_check,
ADD CONSTRAINT quiz_sessions_selector_check CHECK (
    selector IN ('vanilla', 'sympson_hetter', 'fixed')
);
ALTER TABLE quiz_items DROP CONSTRAINT quiz_items_selector_check,
ADD CONSTRAINT quiz_items_selector_check CHECK (
    selector IN ('vanilla', 'sympson_hetter', 'fixed')
);
