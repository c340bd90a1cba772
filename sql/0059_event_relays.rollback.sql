DROP TRIGGER event_outbox_wakes_relays ON event_outbox;
DROP FUNCTION wake_relays();
DROP TABLE event_dead_letters;
DROP TABLE event_relays;
DROP INDEX event_outbox_position_idx;
CREATE INDEX event_outbox_transaction_idx ON event_outbox (transaction, position);
