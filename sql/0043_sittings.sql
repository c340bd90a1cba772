-- Whoever administers exams gives a sitting more time, and the audit log says so.
-- depends: 0042_second_wall

GRANT UPDATE (expires_at) ON quiz_sessions TO qbank_delivery;
CREATE CONSTRAINT TRIGGER quiz_sessions_has_audit
AFTER UPDATE ON quiz_sessions DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (current_user = 'qbank_delivery' AND OLD.expires_at <> NEW.expires_at)
EXECUTE FUNCTION ask_for_audit();
-- everybody's sittings, the newest first
CREATE INDEX quiz_sessions_sittings_idx ON quiz_sessions (tenant_id, started_at DESC)
WHERE mode = 'exam';
