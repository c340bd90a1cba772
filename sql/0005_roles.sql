-- depends: 0004_import
-- Least-privilege roles. They are created without a password and cannot log in until
-- `qbank db init` gives them one from the settings.

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['qbank_delivery', 'qbank_orchestration', 'qbank_analyst'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- roles belong to the server: another database of it may have made them
        END;
        -- an owner that is no superuser may hand over schemas only to roles it is a member of
        IF NOT (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
        END IF;
    END LOOP;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA analytics AUTHORIZATION qbank_orchestration;
CREATE SCHEMA analytics_staging AUTHORIZATION qbank_orchestration;

-- Delivery: writes what students do and what authors and admins change, nothing else.
GRANT USAGE ON SCHEMA public, analytics TO qbank_delivery;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO qbank_delivery;
REVOKE SELECT ON import_batches FROM qbank_delivery;
GRANT INSERT, UPDATE ON
quiz_sessions, quiz_items, exposure_daily, questions, question_versions, question_publications,
exams, feature_flags, cohort_assignments, calibration_runs, item_exposure_control
TO qbank_delivery;
GRANT INSERT, UPDATE, DELETE ON question_options, exam_blueprints TO qbank_delivery;
GRANT DELETE ON question_publications, cohort_assignments TO qbank_delivery;
GRANT INSERT ON user_responses, question_reviews, topics, item_exposure_history TO qbank_delivery;

-- Orchestration: reads everything, writes calibration results, owns the analytics schemas.
GRANT USAGE ON SCHEMA public TO qbank_orchestration;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO qbank_orchestration;
GRANT INSERT, UPDATE ON
calibration_runs, item_calibration, item_stats_ctt, item_exposure_control
TO qbank_orchestration;
GRANT DELETE ON item_exposure_control, item_stats_ctt TO qbank_orchestration;
GRANT INSERT ON item_exposure_history TO qbank_orchestration;

-- Analysts: the marts, read-only.
GRANT USAGE ON SCHEMA analytics TO qbank_analyst;
ALTER DEFAULT PRIVILEGES FOR ROLE qbank_orchestration IN SCHEMA analytics
GRANT SELECT ON TABLES TO qbank_analyst, qbank_delivery;
