DROP TRIGGER item_exposure_control_has_history ON item_exposure_control;
DROP FUNCTION ask_for_exposure_history();
DO $$
DECLARE
    mart regclass;
BEGIN
    FOR mart IN
        SELECT c.oid FROM pg_class AS c
        WHERE c.relnamespace = 'analytics'::regnamespace AND c.relrowsecurity
    LOOP
        EXECUTE format('DROP POLICY tenant ON %s', mart);
        EXECUTE format('DROP POLICY every_tenant ON %s', mart);
        EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', mart);
    END LOOP;
END $$;
ALTER DEFAULT PRIVILEGES FOR ROLE qbank_orchestration IN SCHEMA analytics
GRANT SELECT ON TABLES TO qbank_delivery;
GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO qbank_delivery;
DROP FUNCTION wall_off(regclass);
