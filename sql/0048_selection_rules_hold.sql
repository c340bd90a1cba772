-- What was served before kept to fewer words: rows are read without keeping writers out, which the
-- transaction that made the constraints would have, by its lock.
-- depends: 0047_selection_rules

ALTER TABLE quiz_sessions VALIDATE CONSTRAINT quiz_sessions_selector_check;
ALTER TABLE quiz_items VALIDATE CONSTRAINT quiz_items_selector_check;
