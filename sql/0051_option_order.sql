-- Options of a sitting may stand in an order of its person's own, which is kept with what was served.
-- depends: 0049_void_sittings

ALTER TABLE quiz_sessions ADD COLUMN shuffles_options boolean NOT NULL DEFAULT false;
-- published labels in the order that was shown; null: as published
ALTER TABLE quiz_items ADD COLUMN option_order text CHECK (option_order <> '');
