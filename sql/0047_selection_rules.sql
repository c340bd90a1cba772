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
