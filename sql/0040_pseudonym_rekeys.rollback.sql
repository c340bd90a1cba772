DO $$
BEGIN
    IF EXISTS (SELECT FROM pseudonym_keys WHERE earlier IS NOT NULL) THEN
        RAISE EXCEPTION 'pseudonyms of % are by a key that was changed: without the earlier ones '
            'nobody could be told who they are', (SELECT min(tenant_id) FROM pseudonym_keys
            WHERE earlier IS NOT NULL);
    END IF;
END $$;
DROP TRIGGER quiz_results_append_only ON quiz_results;
CREATE TRIGGER quiz_results_append_only BEFORE UPDATE ON quiz_results
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_history();
ALTER TABLE quiz_sessions DROP COLUMN sitting_key;
ALTER TABLE pseudonym_keys DROP COLUMN earlier, DROP COLUMN changed_at;
