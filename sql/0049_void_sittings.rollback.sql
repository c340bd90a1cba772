-- an older release knows nothing of void sittings: they would count again
DO $$
BEGIN
    IF EXISTS (SELECT FROM quiz_sessions WHERE voided_at IS NOT NULL) THEN
        RAISE EXCEPTION 'sittings are void, which an older release does not know: restore them first';
    END IF;
END $$;
DROP TRIGGER quiz_sessions_log_update ON quiz_sessions;
CREATE TRIGGER quiz_sessions_log_update AFTER UPDATE OF
user_id, tenant_id, exam_code, mode, adaptive, started_at, expires_at, sealed_at ON quiz_sessions
FOR EACH ROW WHEN (
    (OLD.user_id, OLD.tenant_id, OLD.exam_code, OLD.mode, OLD.adaptive, OLD.started_at,
        OLD.expires_at)
    IS DISTINCT FROM
    (NEW.user_id, NEW.tenant_id, NEW.exam_code, NEW.mode, NEW.adaptive, NEW.started_at,
        NEW.expires_at)
    OR (OLD.sealed_at IS NOT NULL AND OLD.sealed_at IS DISTINCT FROM NEW.sealed_at)
) EXECUTE FUNCTION log_changed_row('quiz', 'id');
ALTER TABLE quiz_sessions ENABLE ALWAYS TRIGGER quiz_sessions_log_update;
DROP TRIGGER quiz_sessions_stay_sealed ON quiz_sessions;
CREATE TRIGGER quiz_sessions_stay_sealed BEFORE UPDATE ON quiz_sessions
FOR EACH ROW WHEN (
    OLD.sealed_at IS NOT NULL AND current_user IN ('qbank_delivery', 'qbank_orchestration')
) EXECUTE FUNCTION refuse_unsealing();
DROP TRIGGER quiz_sessions_has_audit ON quiz_sessions;
CREATE CONSTRAINT TRIGGER quiz_sessions_has_audit
AFTER UPDATE ON quiz_sessions DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (current_user = 'qbank_delivery' AND OLD.expires_at <> NEW.expires_at)
EXECUTE FUNCTION ask_for_audit();
CREATE OR REPLACE FUNCTION tenants_with_quizzes_to_seal() RETURNS SETOF text LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT DISTINCT s.tenant_id FROM public.quiz_sessions AS s
    WHERE s.sealed_at IS NULL AND public.ends_at(s) < now()
$$;
CREATE OR REPLACE FUNCTION quiz_status(quiz quiz_sessions) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN is_open(quiz) THEN 'open'
        WHEN quiz.sealed_at < ends_at(quiz) THEN 'finished' ELSE 'expired' END
$$;
CREATE OR REPLACE FUNCTION is_open(quiz quiz_sessions, moment timestamptz DEFAULT now()) RETURNS boolean
LANGUAGE sql STABLE AS $$ SELECT quiz.sealed_at IS NULL AND moment < ends_at(quiz) $$;
ALTER TABLE quiz_sessions DROP COLUMN is_reset, DROP COLUMN voided_at;
