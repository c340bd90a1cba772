-- What a student's program tells of a quiz, once each; and what staff and runs change, told by triggers, for
-- it is changed by many statements. Triggers tell where the session says `qbank.events`, as QBANK_EVENTS has it.
-- depends: 0058_event_outbox

CREATE TABLE quiz_events (
    quiz_id text NOT NULL REFERENCES quiz_sessions (id),
    event_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (quiz_id, event_id)
);
ALTER TABLE quiz_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON quiz_events TO qbank_delivery
USING ((SELECT true FROM quiz_sessions AS s WHERE s.id = quiz_id));
CREATE POLICY every_tenant ON quiz_events TO qbank_orchestration USING (true);
GRANT SELECT, INSERT ON quiz_events TO qbank_delivery;
GRANT SELECT ON quiz_events TO qbank_orchestration;

-- what an exam's tenant calls it, by its key
CREATE FUNCTION exam_name(exam_key text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT split_part(exam_key, '@', 1) $$;

-- the same items leave and come again in one statement only where their version changes
CREATE FUNCTION tell_publications() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.event_outbox (id, tenant_id, aggregatetype, aggregateid, type, payload)
        SELECT public.event_id(concat_ws('/', 'item_published', exam_code, question_id,
                live_version, published_at)), tenant_id, 'item', question_id::text, 'item_published',
            jsonb_build_object('exam', public.exam_name(exam_code),
                'question_id', question_id::text, 'version', live_version)
        FROM came ORDER BY exam_code, question_id;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO public.event_outbox (id, tenant_id, aggregatetype, aggregateid, type, payload)
        SELECT public.event_id(concat_ws('/', 'item_published', c.exam_code, c.question_id,
                c.live_version, c.published_at)), c.tenant_id, 'item', c.question_id::text,
            'item_published',
            jsonb_build_object('exam', public.exam_name(c.exam_code),
                'question_id', c.question_id::text, 'version', c.live_version,
                'before', w.live_version)
        FROM came AS c JOIN went AS w USING (exam_code, question_id)
        WHERE c.live_version <> w.live_version ORDER BY c.exam_code, c.question_id;
    ELSE
        INSERT INTO public.event_outbox (id, tenant_id, aggregatetype, aggregateid, type, payload)
        SELECT public.event_id(concat_ws('/', 'item_retired', exam_code, question_id, live_version,
                published_at)), tenant_id, 'item', question_id::text, 'item_retired',
            jsonb_build_object('exam', public.exam_name(exam_code),
                'question_id', question_id::text, 'version', live_version)
        FROM went ORDER BY exam_code, question_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER question_publications_tell_insert AFTER INSERT ON question_publications
REFERENCING NEW TABLE AS came FOR EACH STATEMENT
WHEN (current_setting('qbank.events', true) = 'on') EXECUTE FUNCTION tell_publications();
CREATE TRIGGER question_publications_tell_update AFTER UPDATE ON question_publications
REFERENCING OLD TABLE AS went NEW TABLE AS came FOR EACH STATEMENT
WHEN (current_setting('qbank.events', true) = 'on') EXECUTE FUNCTION tell_publications();
CREATE TRIGGER question_publications_tell_delete AFTER DELETE ON question_publications
REFERENCING OLD TABLE AS went FOR EACH STATEMENT
WHEN (current_setting('qbank.events', true) = 'on') EXECUTE FUNCTION tell_publications();

CREATE FUNCTION tell_exposure() RETURNS trigger
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
CREATE TRIGGER item_exposure_history_tell AFTER INSERT ON item_exposure_history
REFERENCING NEW TABLE AS came FOR EACH STATEMENT
WHEN (current_setting('qbank.events', true) = 'on') EXECUTE FUNCTION tell_exposure();

CREATE FUNCTION tell_calibration() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO public.event_outbox (id, tenant_id, aggregatetype, aggregateid, type, payload)
    VALUES (public.event_id('calibration_finished/' || NEW.id), NEW.tenant_id, 'exam',
        NEW.exam_code, 'calibration_finished',
        jsonb_build_object('exam', public.exam_name(NEW.exam_code), 'run_id', NEW.id,
            'kind', NEW.kind, 'status', NEW.status));
    RETURN NULL;
END $$;
CREATE TRIGGER calibration_runs_tell AFTER UPDATE OF status ON calibration_runs FOR EACH ROW
WHEN (
    OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL
    AND current_setting('qbank.events', true) = 'on'
) EXECUTE FUNCTION tell_calibration();

REVOKE ALL ON FUNCTION tell_publications(), tell_exposure(), tell_calibration() FROM PUBLIC;
