DROP TRIGGER exams_bump ON exams;
DROP FUNCTION bump_bank_versions_of_exams();
DROP INDEX quiz_sessions_open_sittings_idx;
ALTER TABLE quiz_sessions DROP COLUMN left_out;
