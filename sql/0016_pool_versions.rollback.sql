DROP INDEX calibration_runs_last_idx;
DROP TRIGGER question_versions_bump ON question_versions;
DROP FUNCTION bump_bank_versions_of_states();
DROP TRIGGER questions_bump ON questions;
DROP FUNCTION bump_bank_versions_of_questions();
CREATE OR REPLACE FUNCTION bump_bank_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    changed text;
BEGIN
    -- ordered, so that two publications touching the same exams cannot deadlock
    FOR changed IN SELECT DISTINCT exam_code FROM moved ORDER BY exam_code LOOP
        INSERT INTO public.bank_versions AS v (exam_code) VALUES (changed)
        ON CONFLICT (exam_code) DO UPDATE SET version = v.version + 1, updated_at = now();
        PERFORM pg_notify('qbank_bank', changed);
    END LOOP;
    RETURN NULL;
END $$;
DROP FUNCTION bump_bank_versions(text [], boolean);
ALTER TABLE bank_versions DROP COLUMN pool_version;
