CREATE OR REPLACE FUNCTION tell_exposure() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO public.event_outbox (id, tenant_id, aggregatetype, aggregateid, type, payload)
    SELECT public.event_id('exposure_changed/' || id), tenant_id, 'item', question_id::text,
        'exposure_changed',
        jsonb_build_object('exam', public.exam_name(exam_code), 'question_id', question_id::text,
            'version', version, 'before', before, 'after', after, 'source', source,
            'run_id', run_id)
    FROM came ORDER BY id;
    RETURN NULL;
END $$;
REVOKE DELETE ON event_dead_letters FROM qbank_orchestration;
ALTER TABLE event_outbox ADD COLUMN transaction xid8 NOT NULL DEFAULT pg_current_xact_id();
