DROP TABLE data_request_files;
DROP TABLE data_requests;
CREATE OR REPLACE FUNCTION ask_for_audit() RETURNS trigger LANGUAGE plpgsql AS $$
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
