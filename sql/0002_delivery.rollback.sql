DROP TABLE cohort_assignments;
DROP TABLE feature_flags;
DROP TABLE exposure_daily;
DROP TABLE user_responses;
DROP TABLE quiz_items;
DROP TABLE quiz_sessions;
DROP FUNCTION touch_updated_at();
