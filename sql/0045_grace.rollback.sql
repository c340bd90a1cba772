DROP FUNCTION tenants_with_quizzes_to_seal();
DROP INDEX quiz_sessions_unsealed_idx;
-- an older release takes what is sealed for finished
UPDATE quiz_sessions AS s SET sealed_at = NULL WHERE quiz_status(s) = 'expired' AND sealed_at IS NOT NULL;
DROP FUNCTION quiz_status(quiz_sessions);
DROP FUNCTION is_open(quiz_sessions, timestamptz);
DROP FUNCTION ends_at(quiz_sessions);
ALTER TABLE quiz_sessions DROP COLUMN grace_s;
