-- What an option is called may have several characters: 24, TRUE, OPTION 3.
-- depends: 0064_events_mended 0063_item_flags 0057_compromised_items

-- bpchar without a length is what char(1) is but for the limit: no row is written anew. dbt's views
-- and item_scoring read the columns; a build makes the views that are gone.
DROP VIEW IF EXISTS analytics_staging.stg_user_responses CASCADE;
DROP VIEW IF EXISTS analytics_staging.stg_question_options CASCADE;
DROP VIEW item_scoring;
ALTER TABLE question_options
DROP CONSTRAINT question_options_option_label_check,
ALTER COLUMN option_label TYPE bpchar,
ADD CONSTRAINT question_options_option_label_check CHECK (
    length(option_label) BETWEEN 1 AND 64 AND option_label !~ '[|=[:cntrl:]]'
);
ALTER TABLE user_responses
ALTER COLUMN option_label TYPE bpchar,
-- those that are there have one character
ADD CONSTRAINT user_responses_option_label_check CHECK (length(option_label) <= 64) NOT VALID;
ALTER TABLE response_history
ALTER COLUMN was_option_label TYPE bpchar,
ALTER COLUMN option_label TYPE bpchar;
ALTER TABLE scoring_rules
DROP CONSTRAINT scoring_rules_keys_check,
-- a key is written A|C, and with points A=2|B=1
ADD CONSTRAINT scoring_rules_keys_check CHECK (array_to_string(keys, '') !~ '[|=[:cntrl:]]');

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
