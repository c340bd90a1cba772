-- What changed in an exam's bank is found by an index, so that whoever has the bank of version N reads
-- what is new since then and no more. Two more counters say what a change was of: what quizzes are
-- scored by, and what they are made by. And everything that selection reads moves the version, the
-- topic tree and parameters that are taken away included.
-- depends: 0038_people

ALTER TABLE bank_versions
-- moves with item parameters, the exam's model and what answers score
ADD COLUMN scoring_version bigint NOT NULL DEFAULT 1,
-- moves with the exam's settings, its blueprint and the topic tree
ADD COLUMN settings_version bigint NOT NULL DEFAULT 1;

-- One row a version; the last thousand of an exam are kept.
CREATE TABLE bank_changes (
    exam_code text NOT NULL REFERENCES exams (exam_code) ON DELETE CASCADE,
    version bigint NOT NULL,
    -- questions whose row in the pool may have changed; null is any of them, and their parameters
    questions bigint [],
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (exam_code, version)
);
ALTER TABLE bank_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON bank_changes TO qbank_delivery
USING (exam_code IN (SELECT e.exam_code FROM exams AS e));
CREATE POLICY every_tenant ON bank_changes TO qbank_orchestration USING (true);
GRANT SELECT ON bank_changes TO qbank_delivery, qbank_orchestration;

DROP FUNCTION bump_bank_versions(text [], boolean);
CREATE FUNCTION bump_bank_versions(
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
REVOKE ALL ON FUNCTION bump_bank_versions(text [], boolean, boolean, boolean, bigint []) FROM PUBLIC;

CREATE OR REPLACE FUNCTION bump_bank_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(
        (SELECT array_agg(DISTINCT m.exam_code) FROM moved AS m),
        TG_TABLE_NAME NOT IN ('item_exposure_control', 'scoring_rules'),
        TG_TABLE_NAME IN ('item_calibration', 'scoring_rules'),
        false,
        CASE TG_TABLE_NAME
            WHEN 'item_calibration' THEN NULL
            WHEN 'scoring_rules' THEN '{}'
            ELSE (SELECT array_agg(DISTINCT m.question_id) FROM moved AS m)
        END
    );
    RETURN NULL;
END $$;
CREATE TRIGGER item_calibration_bump_delete AFTER DELETE ON item_calibration
REFERENCING OLD TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_version();

CREATE OR REPLACE FUNCTION bump_bank_version_of_batch() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(ARRAY[NEW.exam_code], false, true, false, '{}');
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION bump_bank_versions_of_questions() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    exam_codes text [];
    changed bigint [];
BEGIN
    SELECT array_agg(DISTINCT p.exam_code), array_agg(DISTINCT p.question_id)
    INTO exam_codes, changed
    FROM old_rows AS o JOIN new_rows AS n USING (id)
    JOIN public.question_publications AS p ON p.question_id = n.id
    WHERE o.is_deleted <> n.is_deleted;
    PERFORM public.bump_bank_versions(exam_codes, true, false, false, changed);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION bump_bank_versions_of_states() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    exam_codes text [];
    changed bigint [];
BEGIN
    SELECT array_agg(DISTINCT p.exam_code), array_agg(DISTINCT p.question_id)
    INTO exam_codes, changed
    FROM old_rows AS o JOIN new_rows AS n USING (id)
    JOIN public.question_publications AS p
        ON (p.question_id, p.live_version) = (n.question_id, n.version)
    WHERE o.state <> n.state;
    PERFORM public.bump_bank_versions(exam_codes, true, false, false, changed);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION bump_bank_versions_of_exams() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    -- exposure control has a state of its own for an exam's defaults
    PERFORM public.bump_bank_versions(
        (SELECT array_agg(DISTINCT n.exam_code)
         FROM old_rows AS o JOIN new_rows AS n USING (exam_code)
         WHERE (o.policy, o.tau, o.test_length) IS DISTINCT FROM (n.policy, n.tau, n.test_length)
             AND o.irt_model = n.irt_model),
        false, false, true, '{}'
    );
    PERFORM public.bump_bank_versions(
        (SELECT array_agg(DISTINCT n.exam_code)
         FROM old_rows AS o JOIN new_rows AS n USING (exam_code)
         WHERE o.irt_model <> n.irt_model),
        false, true, true, NULL
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
        true, false, true, '{}'
    );
    RETURN NULL;
END $$;

-- A topic that moves takes its items to another blueprint line or cap. A new one has no items, and moves
-- nothing: an import that brings topics would lock the version of every exam of its tenant.
CREATE FUNCTION bump_bank_versions_of_topics() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(
        (SELECT array_agg(DISTINCT e.exam_code)
         FROM old_rows AS o JOIN public.exams AS e USING (tenant_id)
         JOIN public.bank_versions USING (exam_code)
         LEFT JOIN public.topics AS n ON n.id = o.id
         WHERE o.parent_id IS DISTINCT FROM n.parent_id OR n.id IS NULL),
        true, false, true, '{}'
    );
    RETURN NULL;
END $$;
CREATE TRIGGER topics_bump_update AFTER UPDATE ON topics
REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_versions_of_topics();
CREATE TRIGGER topics_bump_delete AFTER DELETE ON topics
REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_versions_of_topics();

-- Whether quizzes of the exam are scored as they were, and stay so for a rescore until the transaction
-- ends. A publication or another sh_p changes nothing of that.
DROP FUNCTION is_bank_version(text, bigint);
CREATE FUNCTION is_scoring_version(exam text, scoring bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(scoring_lock(exam));
    RETURN coalesce((SELECT v.scoring_version FROM bank_versions AS v WHERE v.exam_code = exam), 0)
        = scoring;
END $$;
