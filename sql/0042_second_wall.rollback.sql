GRANT UPDATE ON quiz_sessions, exposure_daily, questions, question_versions, question_publications,
exams, exam_blueprints, feature_flags, cohort_assignments, calibration_runs, item_exposure_control
TO qbank_delivery;
GRANT UPDATE, DELETE ON question_options TO qbank_delivery;
DROP TRIGGER calibration_runs_begin_elsewhere ON calibration_runs;
DROP FUNCTION refuse_beginning();
DROP POLICY canceled ON calibration_runs;
DROP POLICY asked_for ON calibration_runs;
DROP TRIGGER quiz_sessions_stay_sealed ON quiz_sessions;
DROP FUNCTION refuse_unsealing();
DROP TRIGGER item_exposure_history_sign ON item_exposure_history;
DROP FUNCTION sign_exposure_history();
DROP TRIGGER item_exposure_history_is_of_a_change ON item_exposure_history;
DROP FUNCTION ask_for_exposure_change();
CREATE OR REPLACE FUNCTION ask_for_exposure_history() RETURNS trigger LANGUAGE plpgsql AS $$
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
DROP TRIGGER question_options_add_to_no_published ON question_options;
DROP FUNCTION ask_for_audit() CASCADE;
DROP FUNCTION question_of(jsonb);
DROP TRIGGER audit_log_sign ON audit_log;
DROP FUNCTION sign_audit_log();
DROP FUNCTION check_actor(text, text);
DROP INDEX audit_log_created_at_idx;
ALTER TABLE audit_log DROP COLUMN written_by;
