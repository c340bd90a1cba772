ALTER TABLE quiz_items DROP COLUMN option_order;
ALTER TABLE quiz_sessions DROP COLUMN shuffles_options;
