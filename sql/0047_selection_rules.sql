-- Items are chosen by more rules: randomesque, a-stratified, progressive, by priority.
-- depends: 0043_sittings

ALTER TABLE quiz_sessions DROP CONSTRAINT quiz_sessions_selector_check,
ADD CONSTRAINT quiz_sessions_selector_check CHECK (
    selector IN (
        'vanilla', 'sympson_hetter', 'randomesque', 'a_stratified', 'progressive',
        'progressive_se', 'priority', 'fixed'
    )
) NOT VALID;
ALTER TABLE quiz_items DROP CONSTRAINT quiz_items_selector_check,
ADD CONSTRAINT quiz_items_selector_check CHECK (
    selector IN (
        'vanilla', 'sympson_hetter', 'randomesque', 'a_stratified', 'progressive',
        'progressive_se', 'priority', 'fixed'
    )
) NOT VALID;
-- what there is keeps to fewer words: this reads the rows without keeping writers out
ALTER TABLE quiz_sessions VALIDATE CONSTRAINT quiz_sessions_selector_check;
ALTER TABLE quiz_items VALIDATE CONSTRAINT quiz_items_selector_check;
