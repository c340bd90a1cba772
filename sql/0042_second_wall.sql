-- The second wall, around what changes: delivery changes nothing of authors and administrators without its
-- row in the audit log, which is of the person that its transaction names and says which role wrote it; it
-- changes the columns that it has to and no others; and what is sealed stays sealed.
-- depends: 0041_version_moments

-- null: of before this was kept
ALTER TABLE audit_log ADD COLUMN written_by text;
ALTER TABLE audit_log ALTER COLUMN written_by SET DEFAULT session_user;
CREATE INDEX audit_log_created_at_idx ON audit_log (created_at);

CREATE FUNCTION check_actor(told text, actor text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    named constant text := nullif(current_setting('qbank.actor', true), '');
BEGIN
    IF named IS NULL THEN
        RAISE EXCEPTION '% needs an actor, and no qbank.actor is set (is an older release running?)', told
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF actor IS DISTINCT FROM named THEN
        RAISE EXCEPTION '% is of the actor that the transaction names, not of %', told, actor
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

CREATE FUNCTION sign_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_actor('the audit log', NEW.actor);
    NEW.written_by := session_user;
    NEW.created_at := transaction_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER audit_log_sign BEFORE INSERT ON audit_log
FOR EACH ROW WHEN (current_user = 'qbank_delivery') EXECUTE FUNCTION sign_audit_log();

-- of a row that belongs to a version
CREATE FUNCTION question_of(item jsonb) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT v.question_id::text FROM question_versions AS v
    WHERE v.id = (item ->> 'question_version_id')::bigint
$$;

-- Looked for when the transaction ends. The owner, who imports and restores, writes what he likes.
CREATE FUNCTION ask_for_audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    item constant jsonb := to_jsonb(coalesce(NEW, OLD));
    what constant text := CASE TG_TABLE_NAME
        WHEN 'exams' THEN 'exam=' || (item ->> 'code')
        WHEN 'exam_blueprints' THEN 'exam=' || (
            SELECT e.code FROM exams AS e WHERE e.exam_code = item ->> 'exam_code'
        )
        WHEN 'questions' THEN 'question=' || (item ->> 'id')
        WHEN 'topics' THEN 'topic=' || (item ->> 'id')
        WHEN 'feature_flags' THEN 'flag=' || (item ->> 'key')
        WHEN 'cohort_assignments' THEN 'cohort=' || (item ->> 'cohort_key')
        WHEN 'quiz_sessions' THEN 'quiz=' || (item ->> 'id')
        WHEN 'calibration_runs' THEN 'run=' || (item ->> 'id')
        WHEN 'question_options' THEN 'question=' || question_of(item)
        WHEN 'question_reviews' THEN 'question=' || question_of(item)
        ELSE 'question=' || (item ->> 'question_id')
    END;
BEGIN
    IF NOT EXISTS (
        SELECT FROM audit_log AS a
        WHERE a.created_at = transaction_timestamp() AND a.written_by = session_user
            AND a.tenant_id = current_setting('qbank.tenant_id', true)
            AND what = ANY(string_to_array(a.target, ' '))
    ) THEN
        RAISE EXCEPTION '% of % changes without a row in the audit log', TG_TABLE_NAME, what
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

DO $$
DECLARE
    name text;
    events text;
    changed text;
BEGIN
    FOR name, events, changed IN VALUES
        ('exams', 'INSERT OR UPDATE', 'true'),
        ('exam_blueprints', 'INSERT OR UPDATE OR DELETE', 'true'),
        ('topics', 'INSERT OR UPDATE OR DELETE', 'true'),
        ('questions', 'INSERT OR UPDATE', 'true'),
        ('question_versions', 'INSERT OR UPDATE', 'true'),
        ('question_options', 'INSERT', 'true'),
        ('question_reviews', 'INSERT', 'true'),
        ('question_publications', 'INSERT OR UPDATE OR DELETE', 'true'),
        ('feature_flags', 'INSERT OR UPDATE OR DELETE', 'true'),
        -- who makes a quiz under a split is enrolled by it
        ('cohort_assignments', 'UPDATE OR DELETE', 'true'),
        ('calibration_runs', 'INSERT OR UPDATE', 'true'),
        -- sh_p has a history of its own
        ('item_exposure_control', 'UPDATE', 'OLD.pinned <> NEW.pinned')
    LOOP
        EXECUTE format(
            'CREATE CONSTRAINT TRIGGER %I AFTER %s ON %I DEFERRABLE INITIALLY DEFERRED'
            ' FOR EACH ROW WHEN (current_user = ''qbank_delivery'' AND %s)'
            ' EXECUTE FUNCTION ask_for_audit()', name || '_has_audit', events, name, changed
        );
    END LOOP;
END $$;

-- An import writes the options of a version that is published with it; who writes one by hand does not.
CREATE TRIGGER question_options_add_to_no_published BEFORE INSERT ON question_options
FOR EACH ROW WHEN (current_user = 'qbank_delivery') EXECUTE FUNCTION keep_published_options();
REVOKE UPDATE, DELETE ON question_options FROM qbank_delivery;

-- A row of history says what was, too, and who is told to have changed it; and it is of a change.
CREATE OR REPLACE FUNCTION ask_for_exposure_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    item record := coalesce(NEW, OLD);
    in_force_before double precision := OLD.sh_p;
    in_force_now double precision := NEW.sh_p;
BEGIN
    IF current_user IN ('qbank_delivery', 'qbank_orchestration')
        AND in_force_before IS DISTINCT FROM in_force_now
        AND NOT EXISTS (
            SELECT FROM item_exposure_history AS h
            WHERE h.exam_code = item.exam_code AND h.question_id = item.question_id
                AND h.version = item.version
                AND h.before IS NOT DISTINCT FROM in_force_before
                AND h.after IS NOT DISTINCT FROM in_force_now
                AND h.actor = coalesce(NEW.updated_by, h.actor)
                AND h.created_at = transaction_timestamp()
        )
    THEN
        RAISE EXCEPTION 'sh_p of question % version % in exam % changes without a row of history',
            item.question_id, item.version, item.exam_code
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION ask_for_exposure_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.after IS DISTINCT FROM (
            SELECT e.sh_p FROM item_exposure_control AS e
            WHERE (e.exam_code, e.question_id, e.version)
                = (NEW.exam_code, NEW.question_id, NEW.version)
        ) AND NOT EXISTS (
            SELECT FROM item_exposure_history AS h
            WHERE (h.exam_code, h.question_id, h.version)
                = (NEW.exam_code, NEW.question_id, NEW.version)
                AND h.id > NEW.id AND h.created_at = transaction_timestamp()
        )
    THEN
        RAISE EXCEPTION 'history tells of a sh_p of question % version % in exam % that is not in force',
            NEW.question_id, NEW.version, NEW.exam_code
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER item_exposure_history_is_of_a_change
AFTER INSERT ON item_exposure_history DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (current_user IN ('qbank_delivery', 'qbank_orchestration'))
EXECUTE FUNCTION ask_for_exposure_change();

CREATE FUNCTION sign_exposure_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_actor('history', NEW.actor);
    IF NEW.source <> 'manual' OR NEW.run_id IS NOT NULL THEN
        RAISE EXCEPTION 'sh_p is set by hand here, not by % (run %)', NEW.source, NEW.run_id
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.created_at := transaction_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER item_exposure_history_sign BEFORE INSERT ON item_exposure_history
FOR EACH ROW WHEN (current_user = 'qbank_delivery') EXECUTE FUNCTION sign_exposure_history();

CREATE FUNCTION refuse_unsealing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'quiz % is sealed: it stays so', OLD.id
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER quiz_sessions_stay_sealed BEFORE UPDATE ON quiz_sessions
FOR EACH ROW WHEN (
    OLD.sealed_at IS NOT NULL AND current_user IN ('qbank_delivery', 'qbank_orchestration')
) EXECUTE FUNCTION refuse_unsealing();

-- Delivery asks for a run and cancels it while it is not over; it says of none that it is done, nor
-- that it has begun.
CREATE POLICY asked_for ON calibration_runs AS RESTRICTIVE FOR INSERT TO qbank_delivery
WITH CHECK (status = 'queued' AND result IS NULL AND orchestrator_run_id IS NULL);
CREATE POLICY canceled ON calibration_runs AS RESTRICTIVE FOR UPDATE TO qbank_delivery
USING (status IN ('queued', 'running', 'proposed')) WITH CHECK (status IN ('running', 'canceled'));

CREATE FUNCTION refuse_beginning() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'run % is %: who works on it says that it begins', OLD.id, OLD.status
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER calibration_runs_begin_elsewhere BEFORE UPDATE ON calibration_runs
FOR EACH ROW WHEN (
    OLD.status <> 'running' AND NEW.status = 'running' AND current_user = 'qbank_delivery'
) EXECUTE FUNCTION refuse_beginning();

REVOKE UPDATE ON quiz_sessions, exposure_daily, questions, question_versions, question_publications,
exams, exam_blueprints, feature_flags, cohort_assignments, calibration_runs, item_exposure_control
FROM qbank_delivery;
GRANT UPDATE (theta, theta_se, sealed_at) ON quiz_sessions TO qbank_delivery;
GRANT UPDATE (served, people) ON exposure_daily TO qbank_delivery;
GRANT UPDATE (external_ref, is_deleted) ON questions TO qbank_delivery;
GRANT UPDATE (state) ON question_versions TO qbank_delivery;
GRANT UPDATE (live_version, published_at) ON question_publications TO qbank_delivery;
GRANT UPDATE (title, irt_model, tau, test_length, policy) ON exams TO qbank_delivery;
GRANT UPDATE (enabled, value_json) ON feature_flags TO qbank_delivery;
GRANT UPDATE (cohort_value, assigned_at) ON cohort_assignments TO qbank_delivery;
GRANT UPDATE (status, stopped_reason, cancel_requested_at, finished_at) ON calibration_runs
TO qbank_delivery;
GRANT UPDATE (sh_p, pinned, updated_at, updated_by, run_id) ON item_exposure_control
TO qbank_delivery;
