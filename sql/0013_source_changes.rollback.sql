DO $$
DECLARE
    logging record;
BEGIN
    FOR logging IN SELECT tgname, tgrelid::regclass AS relation FROM pg_trigger
        WHERE tgname ~ '_log_(insert|update|delete|truncate)$' LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', logging.tgname, logging.relation);
    END LOOP;
END $$;
DROP FUNCTION log_removed();
DROP FUNCTION log_changed();
DROP FUNCTION log_inserted();
DROP FUNCTION log_changed_row();
DROP FUNCTION forget_reads();
DROP TABLE mart_reads;
DROP TABLE mart_replaced;
DROP TABLE source_changes;
