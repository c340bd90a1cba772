DROP TRIGGER import_batches_bump ON import_batches;
DROP FUNCTION bump_bank_version_of_batch();
DROP TRIGGER scoring_rules_bump ON scoring_rules;
CREATE OR REPLACE FUNCTION bump_bank_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(
        (SELECT array_agg(DISTINCT m.exam_code) FROM moved AS m),
        TG_TABLE_NAME <> 'item_exposure_control'
    );
    RETURN NULL;
END $$;
DROP FUNCTION is_bank_version(text, bigint);
DROP FUNCTION score_answer(text, bigint, integer, text);
DROP FUNCTION scoring_lock(text);
DROP FUNCTION is_right(text, text [], text, boolean);
DROP VIEW item_scoring;
