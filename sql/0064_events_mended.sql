-- What was found once events were relayed.
-- depends: 0061_more_events 0059_event_relays

-- nobody reads it: the relay goes by position, and waits for those who still write
ALTER TABLE event_outbox DROP COLUMN transaction;

-- with the days whose events they are of
GRANT DELETE ON event_dead_letters TO qbank_orchestration;

-- numbers of the history come again after a restore, for other changes: those have other moments
CREATE OR REPLACE FUNCTION tell_exposure() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO public.event_outbox (id, tenant_id, aggregatetype, aggregateid, type, payload)
    SELECT public.event_id(concat_ws('/', 'exposure_changed', id, extract(epoch FROM at))),
        tenant_id, 'item', question_id::text, 'exposure_changed',
        jsonb_build_object('exam', public.exam_name(exam_code), 'question_id', question_id::text,
            'version', version, 'before', before, 'after', after, 'source', source,
            'run_id', run_id)
    FROM came ORDER BY id;
    RETURN NULL;
END $$;
