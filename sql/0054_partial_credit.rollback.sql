DELETE FROM mart_reads;
DROP FUNCTION score_answer(text, bigint, integer, text);
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
DROP FUNCTION scoring_text(text, text [], jsonb, numeric);
DROP FUNCTION scored_by(text, text [], jsonb, numeric, text, boolean, numeric, numeric);
DROP FUNCTION gives_points(text, jsonb, numeric);
ALTER TABLE response_history
DROP COLUMN was_score, DROP COLUMN was_max_score, DROP COLUMN score, DROP COLUMN max_score;
ALTER TABLE user_responses DROP COLUMN score, DROP COLUMN max_score;
DROP VIEW item_scoring;
DROP VIEW scoring_rules_in_force;
-- an item whose answers brought points has scores of its own again: full marks are right
ALTER TABLE scoring_rules DISABLE TRIGGER scoring_rules_append_only;
DELETE FROM scoring_rules WHERE rule = 'points';
ALTER TABLE scoring_rules ENABLE TRIGGER scoring_rules_append_only;
ALTER TABLE scoring_rules
DROP CONSTRAINT scoring_rules_rule_check,
ADD CONSTRAINT scoring_rules_rule_check CHECK (rule IN ('key', 'all', 'void')),
DROP COLUMN max_score, DROP COLUMN credit;
CREATE VIEW scoring_rules_in_force AS
SELECT DISTINCT ON (r.exam_code, r.question_id, r.version)
    r.id, r.import_batch_id, r.exam_code, r.question_id, r.version, r.rule, r.keys, r.was_live,
    r.set_by, r.why, r.created_at
FROM scoring_rules AS r JOIN import_batches AS b ON b.id = r.import_batch_id
WHERE b.undone_at IS NULL
ORDER BY r.exam_code, r.question_id, r.version, r.id DESC;
GRANT SELECT ON scoring_rules_in_force TO qbank_orchestration;
CREATE VIEW item_scoring AS
SELECT e.exam_code, v.question_id, v.version,
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
