-- Tenancy as a wall in Postgres: delivery sees the rows of the tenant that its connection names in
-- qbank.tenant_id, and none where it names none. Orchestration works for all tenants; the owner
-- (migrations, import, demo) is not subject to row-level security.
-- depends: 0005_roles

-- Flags and cohorts of a tenant; rows without one hold for every tenant and belong to the operator.
ALTER TABLE feature_flags ADD COLUMN tenant_id text CHECK (tenant_id <> '');
ALTER TABLE feature_flags DROP CONSTRAINT feature_flags_pkey;
ALTER TABLE feature_flags ADD CONSTRAINT feature_flags_key_tenant_key
UNIQUE NULLS NOT DISTINCT (key, tenant_id);

ALTER TABLE cohort_assignments ADD COLUMN tenant_id text CHECK (tenant_id <> '');
ALTER TABLE cohort_assignments DROP CONSTRAINT cohort_assignments_pkey;
ALTER TABLE cohort_assignments ADD CONSTRAINT cohort_assignments_user_cohort_tenant_key
UNIQUE NULLS NOT DISTINCT (user_id, cohort_key, tenant_id);

DO $$
DECLARE
    name text;
    condition text;
    own constant text := 'tenant_id = current_setting(''qbank.tenant_id'', true)';
    -- the parents' own policies hold inside these, so each names its parent alone
    of_exam constant text := 'exam_code IN (SELECT e.exam_code FROM exams AS e)';
    -- scalar, because EXISTS may be planned as a hash of all quizzes of the tenant
    of_quiz constant text := '(SELECT true FROM quiz_sessions AS s WHERE s.id = quiz_id)';
    of_version constant text :=
        '(SELECT true FROM question_versions AS v WHERE v.id = question_version_id)';
    walls constant jsonb := jsonb_build_object(
        'topics', own, 'exams', own, 'questions', own, 'question_publications', own,
        'quiz_sessions', own,
        'question_versions', '(SELECT true FROM questions AS q WHERE q.id = question_id)',
        'question_options', of_version, 'question_reviews', of_version,
        'quiz_items', of_quiz, 'user_responses', of_quiz,
        'exam_blueprints', of_exam, 'exposure_daily', of_exam, 'bank_versions', of_exam,
        'calibration_runs', of_exam, 'item_calibration', of_exam, 'item_stats_ctt', of_exam,
        'item_exposure_control', of_exam, 'item_exposure_history', of_exam
    );
BEGIN
    FOR name, condition IN SELECT w.key, w.value #>> '{}' FROM jsonb_each(walls) AS w LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO qbank_delivery USING (%s)', name, condition
        );
    END LOOP;
    FOREACH name IN ARRAY ARRAY['feature_flags', 'cohort_assignments'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO qbank_delivery USING (tenant_id IS NULL OR %s)'
            ' WITH CHECK (%s)', name, own, own
        );
        EXECUTE format(
            'CREATE POLICY removal ON %I AS RESTRICTIVE FOR DELETE TO qbank_delivery USING (%s)',
            name, own
        );
    END LOOP;
    FOR name IN
        SELECT c.relname FROM pg_class AS c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity
    LOOP
        EXECUTE format(
            'CREATE POLICY every_tenant ON %I TO qbank_orchestration USING (true)', name
        );
    END LOOP;
END $$;

-- /ready compares the applied migrations with the files it was shipped with
DO $$
BEGIN
    IF to_regclass('public._yoyo_migration') IS NOT NULL THEN
        GRANT SELECT ON _yoyo_migration TO qbank_delivery;
    END IF;
END $$;
