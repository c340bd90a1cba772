-- The part of an exam's bank that exposure control is calibrated for moves a counter of its own, so
-- that a night tells exams whose pool changed from those whose sh_p alone did, without a look at
-- any item. And the last run of a kind is found by an index.
-- depends: 0011_audit_log

ALTER TABLE bank_versions ADD COLUMN pool_version bigint NOT NULL DEFAULT 1;

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
        TG_TABLE_NAME <> 'item_exposure_control'
    );
    RETURN NULL;
END $$;

-- an item leaves the live pool, or comes back, without a word from its publications
CREATE FUNCTION bump_bank_versions_of_questions() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
CREATE TRIGGER questions_bump AFTER UPDATE ON questions
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_versions_of_questions();

CREATE FUNCTION bump_bank_versions_of_states() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
CREATE TRIGGER question_versions_bump AFTER UPDATE ON question_versions
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_versions_of_states();

CREATE INDEX calibration_runs_last_idx ON calibration_runs (exam_code, kind, finished_at DESC);
