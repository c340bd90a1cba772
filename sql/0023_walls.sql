-- The second wall, around the marts: delivery reads those that show it its tenant's rows alone. And no
-- role changes sh_p without a row of its history.
-- depends: 0022_exposure_by_person

-- Called by dbt for each mart, in the transaction that makes it. A view reads with the eyes of its
-- owner, and a table without tenants has no wall: neither is delivery's to read.
CREATE FUNCTION wall_off(mart regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.oid = mart AND c.relkind IN ('r', 'p') AND a.attname = 'tenant_id'
            AND NOT a.attisdropped
    ) THEN
        RETURN;
    END IF;
    IF NOT (SELECT c.relrowsecurity FROM pg_class AS c WHERE c.oid = mart) THEN
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', mart);
        EXECUTE format(
            'CREATE POLICY tenant ON %s FOR SELECT TO qbank_delivery'
            ' USING (tenant_id = current_setting(''qbank.tenant_id'', true))', mart
        );
        EXECUTE format(
            'CREATE POLICY every_tenant ON %s FOR SELECT TO qbank_analyst USING (true)', mart
        );
    END IF;
    IF NOT has_table_privilege('qbank_delivery', mart, 'SELECT') THEN
        EXECUTE format('GRANT SELECT ON %s TO qbank_delivery', mart);
    END IF;
END $$;

ALTER DEFAULT PRIVILEGES FOR ROLE qbank_orchestration IN SCHEMA analytics
REVOKE SELECT ON TABLES FROM qbank_delivery;
REVOKE SELECT ON ALL TABLES IN SCHEMA analytics FROM qbank_delivery;
DO $$
DECLARE
    mart regclass;
BEGIN
    FOR mart IN
        SELECT c.oid FROM pg_class AS c
        WHERE c.relnamespace = 'analytics'::regnamespace AND c.relkind IN ('r', 'p')
    LOOP
        PERFORM wall_off(mart);
    END LOOP;
END $$;

-- Looked for when the transaction ends; created_at is the time at which it began. The owner, who
-- loads demos and restores backups, writes what he likes.
CREATE FUNCTION ask_for_exposure_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    item record := coalesce(NEW, OLD);
    now_in_force double precision := NEW.sh_p;
BEGIN
    IF current_user IN ('qbank_delivery', 'qbank_orchestration')
        AND (TG_OP <> 'UPDATE' OR OLD.sh_p IS DISTINCT FROM NEW.sh_p)
        AND NOT EXISTS (
            SELECT FROM item_exposure_history AS h
            WHERE h.exam_code = item.exam_code AND h.question_id = item.question_id
                AND h.version = item.version AND h.after IS NOT DISTINCT FROM now_in_force
                AND h.created_at = transaction_timestamp()
        )
    THEN
        RAISE EXCEPTION 'sh_p of question % version % in exam % changes without a row of history',
            item.question_id, item.version, item.exam_code
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER item_exposure_control_has_history
AFTER INSERT OR UPDATE OR DELETE ON item_exposure_control
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION ask_for_exposure_history();
