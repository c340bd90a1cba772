DROP TRIGGER topics_bump_delete ON topics;
DROP TRIGGER topics_bump_update ON topics;
DROP FUNCTION bump_bank_versions_of_topics();
DROP TRIGGER item_calibration_bump_delete ON item_calibration;
DROP FUNCTION is_scoring_version(text, bigint);
CREATE FUNCTION is_bank_version(exam text, bank bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(scoring_lock(exam));
    RETURN coalesce((SELECT v.version FROM bank_versions AS v WHERE v.exam_code = exam), 0) = bank;
END $$;
DROP FUNCTION bump_bank_versions(text [], boolean, boolean, boolean, bigint []);
CREATE FUNCTION bump_bank_versions(exam_codes text [], pool boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    changed text;
BEGIN
    -- ordered, so that two publications touching the same exams cannot deadlock
    FOR changed IN SELECT DISTINCT e FROM unnest(exam_codes) AS e ORDER BY e LOOP
        INSERT INTO public.bank_versions AS v (exam_code) VALUES (changed)
        ON CONFLICT (exam_code) DO UPDATE SET version = v.version + 1,
            pool_version = v.pool_version + pool::integer, updated_at = now();
        PERFORM pg_notify('qbank_bank', changed);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION bump_bank_versions(text [], boolean) FROM PUBLIC;
CREATE OR REPLACE FUNCTION bump_bank_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(
        (SELECT array_agg(DISTINCT m.exam_code) FROM moved AS m),
        TG_TABLE_NAME NOT IN ('item_exposure_control', 'scoring_rules')
    );
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION bump_bank_version_of_batch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(ARRAY[NEW.exam_code], false);
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION bump_bank_versions_of_questions() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(
        (SELECT array_agg(DISTINCT p.exam_code)
         FROM old_rows AS o JOIN new_rows AS n USING (id)
         JOIN public.question_publications AS p ON p.question_id = n.id
         WHERE o.is_deleted <> n.is_deleted),
        true
    );
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION bump_bank_versions_of_states() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(
        (SELECT array_agg(DISTINCT p.exam_code)
         FROM old_rows AS o JOIN new_rows AS n USING (id)
         JOIN public.question_publications AS p
             ON (p.question_id, p.live_version) = (n.question_id, n.version)
         WHERE o.state <> n.state),
        true
    );
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION bump_bank_versions_of_exams() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    -- exposure control has a state of its own for an exam's defaults
    PERFORM public.bump_bank_versions(
        (SELECT array_agg(DISTINCT n.exam_code)
         FROM old_rows AS o JOIN new_rows AS n USING (exam_code)
         WHERE (o.policy, o.irt_model, o.tau, o.test_length)
             IS DISTINCT FROM (n.policy, n.irt_model, n.tau, n.test_length)),
        false
    );
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION bump_bank_versions_of_blueprints() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(
        -- of an exam that goes with its blueprint nothing is cached any more
        (SELECT array_agg(DISTINCT m.exam_code)
         FROM moved AS m JOIN public.exams AS e USING (exam_code)),
        true
    );
    RETURN NULL;
END $$;
DROP TABLE bank_changes;
ALTER TABLE bank_versions DROP COLUMN settings_version, DROP COLUMN scoring_version;
