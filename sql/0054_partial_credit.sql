-- An answer may have part of an item's marks: its points, and the most that the item gives. Without
-- either it has all or none, as is_correct says, so no answer that is there costs anything. is_correct
-- stays whether it has all, for models and delivery that know right and wrong.
-- depends: 0053_more_requests

ALTER TABLE scoring_rules
ADD COLUMN max_score numeric NOT NULL DEFAULT 1 CHECK (max_score > 0),
-- options with part of the marks, as texts of numbers; those in `keys` have all
ADD COLUMN credit jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(credit) = 'object'),
DROP CONSTRAINT scoring_rules_rule_check,
-- points: answers bring their own, 0 to max_score
ADD CONSTRAINT scoring_rules_rule_check CHECK (rule IN ('key', 'all', 'void', 'points')),
ADD CONSTRAINT scoring_rules_credit_is_of_a_key CHECK (rule = 'key' OR credit = '{}');

CREATE OR REPLACE VIEW scoring_rules_in_force AS
SELECT DISTINCT ON (r.exam_code, r.question_id, r.version)
    r.id, r.import_batch_id, r.exam_code, r.question_id, r.version, r.rule, r.keys, r.was_live,
    r.set_by, r.why, r.created_at, r.max_score, r.credit
FROM scoring_rules AS r JOIN import_batches AS b ON b.id = r.import_batch_id
WHERE b.undone_at IS NULL
ORDER BY r.exam_code, r.question_id, r.version, r.id DESC;

CREATE OR REPLACE VIEW item_scoring AS
SELECT e.exam_code, v.question_id, v.version,
    -- null where neither rule nor option tells what is right
    CASE WHEN r.id IS NOT NULL THEN r.rule WHEN o.option_label IS NOT NULL THEN 'key' END AS rule,
    CASE
        WHEN r.id IS NOT NULL THEN r.keys
        WHEN o.option_label IS NOT NULL THEN ARRAY[o.option_label::text]
        ELSE '{}'
    END AS keys,
    o.option_label::text AS published_key, r.set_by, r.why, r.created_at AS set_at,
    coalesce(r.max_score, 1) AS max_score, coalesce(r.credit, '{}') AS credit
FROM exams AS e
JOIN questions AS q ON q.tenant_id = e.tenant_id
JOIN question_versions AS v ON v.question_id = q.id
LEFT JOIN scoring_rules_in_force AS r
    ON (r.exam_code, r.question_id, r.version) = (e.exam_code, v.question_id, v.version)
LEFT JOIN question_options AS o ON o.question_version_id = v.id AND o.is_correct;

ALTER TABLE user_responses
ADD COLUMN score numeric,
ADD COLUMN max_score numeric,
ADD CONSTRAINT user_responses_score_is_of_max_score CHECK (CASE
    WHEN num_nulls(score, max_score) = 2 THEN true
    WHEN num_nulls(score, max_score) = 1 THEN false
    ELSE score >= 0 AND score <= max_score AND max_score > 0 AND is_correct = (score = max_score)
END);
ALTER TABLE response_history
ADD COLUMN was_score numeric,
ADD COLUMN was_max_score numeric,
ADD COLUMN score numeric,
ADD COLUMN max_score numeric;

-- Whether part of an item's marks, or more than one, may be had by a rule.
CREATE FUNCTION gives_points(rule text, credit jsonb, max_score numeric) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN rule IS NOT NULL AND rule <> 'void' AND (rule = 'points' OR credit <> '{}' OR max_score <> 1);

-- What an answer scores by a rule. An answer without an option keeps what it has, where options are
-- scored; so does one to a void item.
CREATE FUNCTION scored_by(
    rule text, keys text [], credit jsonb, most numeric, label text,
    was_correct boolean, was_score numeric, was_max_score numeric,
    OUT is_correct boolean, OUT score numeric, OUT max_score numeric
) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE WHEN p.points IS NULL THEN was_correct ELSE p.points = most END,
    CASE
        WHEN p.points IS NULL THEN was_score
        WHEN public.gives_points(rule, credit, most) THEN p.points
    END,
    CASE
        WHEN p.points IS NULL THEN was_max_score
        WHEN public.gives_points(rule, credit, most) THEN most
    END
FROM (SELECT CASE rule
    WHEN 'all' THEN most
    WHEN 'points' THEN coalesce(was_score, was_correct::integer)
    WHEN 'key' THEN CASE
        WHEN label = ANY(keys) THEN most
        WHEN label IS NOT NULL THEN coalesce((credit ->> label)::numeric, 0)
    END
END AS points) AS p
$$;

-- A rule as files of keys write it: B, A|C, A=2|B=1, all, all=2, points=2, void.
CREATE FUNCTION scoring_text(rule text, keys text [], credit jsonb, most numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE
    WHEN rule = 'key' THEN (
        SELECT string_agg(
            CASE
                WHEN public.gives_points(rule, credit, most)
                    THEN o.label || '=' || trim_scale(o.points)::text
                ELSE o.label
            END, '|' ORDER BY o.label COLLATE "C"
        )
        FROM (
            SELECT k AS label, most AS points FROM unnest(keys) AS k
            UNION ALL SELECT c.key, c.value::numeric FROM jsonb_each_text(credit) AS c
        ) AS o
    )
    WHEN public.gives_points(rule, credit, most) THEN rule || '=' || trim_scale(most)::text
    ELSE rule
END
$$;

-- has what an answer scores beside whether it is right; of an item whose answers bring points of
-- their own, one of delivery has all of them or none
DROP FUNCTION score_answer(text, bigint, integer, text);
CREATE FUNCTION score_answer(
    exam text, question bigint, item_version integer, label text,
    OUT rule text, OUT keys text [], OUT is_as_published boolean, OUT is_correct boolean,
    OUT is_void boolean, OUT score numeric, OUT max_score numeric
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(public.scoring_lock(exam));
    SELECT s.rule, s.keys, coalesce(s.rule = 'key' AND s.keys = ARRAY[s.published_key], true),
        n.is_correct, coalesce(s.rule = 'void', false), n.score, n.max_score
    INTO rule, keys, is_as_published, is_correct, is_void, score, max_score
    FROM public.item_scoring AS s JOIN public.exams AS e USING (exam_code)
    CROSS JOIN LATERAL (SELECT coalesce(label = s.published_key, false) AS is_right) AS p
    CROSS JOIN LATERAL public.scored_by(
        s.rule, s.keys, s.credit, s.max_score, label, p.is_right,
        CASE WHEN s.rule = 'points' THEN p.is_right::integer * s.max_score END, NULL
    ) AS n
    WHERE s.exam_code = exam AND s.question_id = question AND s.version = item_version
        AND e.tenant_id = current_setting('qbank.tenant_id', true);
END $$;
REVOKE ALL ON FUNCTION score_answer(text, bigint, integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION score_answer(text, bigint, integer, text) TO qbank_delivery;

-- facts have a column more: the marts are built anew
DELETE FROM mart_reads;
