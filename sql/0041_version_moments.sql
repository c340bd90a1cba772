-- A version is a moment: microseconds since 1970, and always beyond the last. A database that goes back,
-- as a standby that lost commits or a restored backup does, counts on from then; with plain numbers it
-- would reach those of what was lost, and whoever has a bank in memory would take another one for it. The
-- other counters name the version at which they last moved, so they are as distinct.
-- depends: 0039_bank_changes

CREATE OR REPLACE FUNCTION bump_bank_versions(
    exam_codes text [], pool boolean, scoring boolean, settings boolean, changed bigint []
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    exam text;
    reached bigint;
BEGIN
    -- ordered, so that two publications touching the same exams cannot deadlock
    FOR exam IN SELECT DISTINCT e FROM unnest(exam_codes) AS e ORDER BY e LOOP
        reached := extract(epoch FROM clock_timestamp()) * 1000000;
        INSERT INTO public.bank_versions AS v
            (exam_code, version, pool_version, scoring_version, settings_version)
        VALUES (exam, reached, reached, reached, reached)
        ON CONFLICT (exam_code) DO UPDATE SET version = greatest(v.version + 1, reached),
            pool_version = CASE WHEN pool THEN greatest(v.version + 1, reached)
                ELSE v.pool_version END,
            scoring_version = CASE WHEN scoring THEN greatest(v.version + 1, reached)
                ELSE v.scoring_version END,
            settings_version = CASE WHEN settings THEN greatest(v.version + 1, reached)
                ELSE v.settings_version END,
            updated_at = now()
        RETURNING v.version INTO reached;
        -- the row above is locked until the end: versions come into sight in their order, none left out
        INSERT INTO public.bank_changes (exam_code, version, questions)
        VALUES (exam, reached, CASE WHEN cardinality(changed) <= 200 THEN changed END);
        DELETE FROM public.bank_changes AS c WHERE c.exam_code = exam AND c.version <= (
            SELECT o.version FROM public.bank_changes AS o WHERE o.exam_code = exam
            ORDER BY o.version DESC OFFSET 1000 LIMIT 1
        );
        PERFORM pg_notify('qbank_bank', exam);
    END LOOP;
END $$;
