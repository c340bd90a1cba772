CREATE OR REPLACE FUNCTION bump_bank_versions(
    exam_codes text [], pool boolean, scoring boolean, settings boolean, changed bigint []
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    exam text;
    reached bigint;
BEGIN
    -- ordered, so that two publications touching the same exams cannot deadlock
    FOR exam IN SELECT DISTINCT e FROM unnest(exam_codes) AS e ORDER BY e LOOP
        INSERT INTO public.bank_versions AS v (exam_code) VALUES (exam)
        ON CONFLICT (exam_code) DO UPDATE SET version = v.version + 1,
            pool_version = v.pool_version + pool::integer,
            scoring_version = v.scoring_version + scoring::integer,
            settings_version = v.settings_version + settings::integer, updated_at = now()
        RETURNING v.version INTO reached;
        -- the row above is locked until the end: versions come into sight in their order, none left out
        INSERT INTO public.bank_changes (exam_code, version, questions)
        VALUES (exam, reached, CASE WHEN cardinality(changed) <= 200 THEN changed END);
        DELETE FROM public.bank_changes AS c WHERE c.exam_code = exam AND c.version <= reached - 1000;
        PERFORM pg_notify('qbank_bank', exam);
    END LOOP;
END $$;
