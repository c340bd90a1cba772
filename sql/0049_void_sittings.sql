-- Whoever administers exams voids a sitting: it counts for nothing, and nothing of it is removed. Where it
-- is reset, too, its person may sit again as if it had not been. The audit log says who, and why.
-- depends: 0045_grace

ALTER TABLE quiz_sessions
ADD COLUMN voided_at timestamptz,
ADD COLUMN is_reset boolean NOT NULL DEFAULT false,
ADD CONSTRAINT quiz_sessions_what_is_reset_is_void CHECK (voided_at IS NOT NULL OR NOT is_reset);

CREATE OR REPLACE FUNCTION is_open(quiz quiz_sessions, moment timestamptz DEFAULT now()) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT quiz.voided_at IS NULL AND quiz.sealed_at IS NULL AND moment < ends_at(quiz)
$$;

CREATE OR REPLACE FUNCTION quiz_status(quiz quiz_sessions) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN quiz.voided_at IS NOT NULL THEN 'void' WHEN is_open(quiz) THEN 'open'
        WHEN quiz.sealed_at < ends_at(quiz) THEN 'finished' ELSE 'expired' END
$$;

-- what is void is sealed once it is restored
CREATE OR REPLACE FUNCTION tenants_with_quizzes_to_seal() RETURNS SETOF text LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT DISTINCT s.tenant_id FROM public.quiz_sessions AS s
    WHERE s.sealed_at IS NULL AND public.quiz_status(s) = 'expired' AND public.ends_at(s) < now()
$$;

GRANT UPDATE (voided_at, is_reset) ON quiz_sessions TO qbank_delivery;
DROP TRIGGER quiz_sessions_has_audit ON quiz_sessions;
CREATE CONSTRAINT TRIGGER quiz_sessions_has_audit
AFTER UPDATE ON quiz_sessions DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (
    current_user = 'qbank_delivery' AND (OLD.expires_at, OLD.voided_at, OLD.is_reset)
    IS DISTINCT FROM (NEW.expires_at, NEW.voided_at, NEW.is_reset)
) EXECUTE FUNCTION ask_for_audit();

-- what is sealed stays so, whether it counts or not
DROP TRIGGER quiz_sessions_stay_sealed ON quiz_sessions;
CREATE TRIGGER quiz_sessions_stay_sealed BEFORE UPDATE ON quiz_sessions
FOR EACH ROW WHEN (
    OLD.sealed_at IS NOT NULL AND current_user IN ('qbank_delivery', 'qbank_orchestration') AND (
        (OLD.voided_at, OLD.is_reset) IS NOT DISTINCT FROM (NEW.voided_at, NEW.is_reset)
        OR to_jsonb(OLD) - ARRAY['voided_at', 'is_reset', 'updated_at']
        <> to_jsonb(NEW) - ARRAY['voided_at', 'is_reset', 'updated_at']
    )
) EXECUTE FUNCTION refuse_unsealing();

-- the marts follow: a sitting leaves them, and comes back
DROP TRIGGER quiz_sessions_log_update ON quiz_sessions;
CREATE TRIGGER quiz_sessions_log_update AFTER UPDATE OF
user_id, tenant_id, exam_code, mode, adaptive, started_at, expires_at, sealed_at, voided_at
ON quiz_sessions
FOR EACH ROW WHEN (
    (OLD.user_id, OLD.tenant_id, OLD.exam_code, OLD.mode, OLD.adaptive, OLD.started_at,
        OLD.expires_at, OLD.voided_at)
    IS DISTINCT FROM
    (NEW.user_id, NEW.tenant_id, NEW.exam_code, NEW.mode, NEW.adaptive, NEW.started_at,
        NEW.expires_at, NEW.voided_at)
    OR (OLD.sealed_at IS NOT NULL AND OLD.sealed_at IS DISTINCT FROM NEW.sealed_at)
) EXECUTE FUNCTION log_changed_row('quiz', 'id');
-- as 0013 has it, for bulk loads that suspend triggers
ALTER TABLE quiz_sessions ENABLE ALWAYS TRIGGER quiz_sessions_log_update;
