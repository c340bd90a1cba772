-- refused by name while an option of several characters is there
DROP VIEW IF EXISTS analytics_staging.stg_user_responses CASCADE;
DROP VIEW IF EXISTS analytics_staging.stg_question_options CASCADE;
DROP VIEW item_scoring;
ALTER TABLE question_options
DROP CONSTRAINT question_options_option_label_check,
ALTER COLUMN option_label TYPE char(1),
ADD CONSTRAINT question_options_option_label_check CHECK (option_label ~ '^[A-Z0-9]$');
ALTER TABLE user_responses
DROP CONSTRAINT user_responses_option_label_check, ALTER COLUMN option_label TYPE char(1);
ALTER TABLE response_history
ALTER COLUMN was_option_label TYPE char(1), ALTER COLUMN option_label TYPE char(1);
ALTER TABLE scoring_rules
DROP CONSTRAINT scoring_rules_keys_check,
ADD CONSTRAINT scoring_rules_keys_check
CHECK (array_to_string(keys, '') ~ '^[A-Z0-9]*$');
CREATE VIEW item_scoring AS
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
GRANT SELECT ON item_scoring TO qbank_orchestration;
