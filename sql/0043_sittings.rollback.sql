DROP INDEX quiz_sessions_sittings_idx;
DROP TRIGGER quiz_sessions_has_audit ON quiz_sessions;
REVOKE UPDATE (expires_at) ON quiz_sessions FROM qbank_delivery;
