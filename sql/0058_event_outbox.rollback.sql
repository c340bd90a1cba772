DROP FUNCTION drop_event_days(date);
DROP FUNCTION make_event_days(integer);
DROP FUNCTION event_id(text);
DROP TABLE event_outbox;
DROP SCHEMA event_days;
