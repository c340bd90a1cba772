DROP TABLE people_changes;
DROP TABLE people;
DROP TABLE pseudonym_keys;
DROP TRIGGER audit_log_append_only ON audit_log;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_history();
DROP TRIGGER response_history_append_only ON response_history;
CREATE TRIGGER response_history_append_only BEFORE UPDATE OR DELETE ON response_history
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_history();
DROP FUNCTION refuse_change_but_for_erasure();
