-- What an answer scores is one fact, for whoever imports, rescores, exports, builds marts or delivers:
-- the rule in force in the exam, and without one the option that was published as the key.
-- depends: 0031_item_scope 0032_topic_trees

CREATE VIEW item_scoring AS
SELECT e.exam_code, v.question_id, v.version,
    -- null where neither rule nor option tells what is right
    CASE WHEN r.id IS NOT NULL THEN r.rule WHEN o.option_label IS NOT NULL THEN 'key' END AS rule,
    CASE
        WHEN r.id IS NOT NULL THEN r.keys
        WHEN o.option_label IS NOT NULL THEN ARRAY[o.option_label::text]
        ELSE '{}'
    END AS keys,
    o.option_label::text AS published_key, r.set_by, r.why, r.created_at AS set_at
FROM exams AS e
JOIN questions AS q ON q.tenant_id = e.tenant_id
JOIN question_versions AS v ON v.question_id = q.id
LEFT JOIN scoring_rules_in_force AS r
    ON (r.exam_code, r.question_id, r.version) = (e.exam_code, v.question_id, v.version)
LEFT JOIN question_options AS o ON o.question_version_id = v.id AND o.is_correct;
GRANT SELECT ON item_scoring TO qbank_orchestration;

-- Whether an option is right by a rule; `otherwise` where the rule does not tell.
CREATE FUNCTION is_right(rule text, keys text [], label text, otherwise boolean) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE rule
    WHEN 'key' THEN coalesce(label = ANY(keys), otherwise)
    WHEN 'all' THEN true
    ELSE otherwise
END;

-- A rescore has this lock alone when its rules come into force; an answer and a result share it.
CREATE FUNCTION scoring_lock(exam text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashtextextended('scoring of ' || exam, 0);

-- Scores one answer of the caller's tenant. Each statement in here sees what was committed before it
-- began, so an answer that waited for a rescore is scored by the new rule. Delivery reads no rules
-- otherwise: of a void item, is_correct is what its published key makes of it.
CREATE FUNCTION score_answer(
    exam text, question bigint, item_version integer, label text,
    OUT rule text, OUT keys text [], OUT is_as_published boolean, OUT is_correct boolean,
    OUT is_void boolean
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(public.scoring_lock(exam));
    SELECT s.rule, s.keys, coalesce(s.rule = 'key' AND s.keys = ARRAY[s.published_key], true),
        public.is_right(s.rule, s.keys, label, coalesce(label = s.published_key, false)),
        coalesce(s.rule = 'void', false)
    INTO rule, keys, is_as_published, is_correct, is_void
    FROM public.item_scoring AS s JOIN public.exams AS e USING (exam_code)
    WHERE s.exam_code = exam AND s.question_id = question AND s.version = item_version
        AND e.tenant_id = current_setting('qbank.tenant_id', true);
END $$;
REVOKE ALL ON FUNCTION score_answer(text, bigint, integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION score_answer(text, bigint, integer, text) TO qbank_delivery;

-- Whether the exam's bank is still this one, and stays so for a rescore until the transaction ends.
CREATE FUNCTION is_bank_version(exam text, bank bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(scoring_lock(exam));
    RETURN coalesce((SELECT v.version FROM bank_versions AS v WHERE v.exam_code = exam), 0) = bank;
END $$;

-- A rule that comes into force or is taken back moves the bank's version, for quizzes in memory hold
-- answers that it scores otherwise. It moves no pool: parameters and exposure are as they were.
CREATE OR REPLACE FUNCTION bump_bank_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(
        (SELECT array_agg(DISTINCT m.exam_code) FROM moved AS m),
        TG_TABLE_NAME NOT IN ('item_exposure_control', 'scoring_rules')
    );
    RETURN NULL;
END $$;
CREATE TRIGGER scoring_rules_bump AFTER INSERT ON scoring_rules
REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_version();

CREATE FUNCTION bump_bank_version_of_batch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM public.bump_bank_versions(ARRAY[NEW.exam_code], false);
    RETURN NULL;
END $$;
CREATE TRIGGER import_batches_bump AFTER UPDATE ON import_batches
FOR EACH ROW WHEN (OLD.undone_at IS DISTINCT FROM NEW.undone_at)
EXECUTE FUNCTION bump_bank_version_of_batch();
