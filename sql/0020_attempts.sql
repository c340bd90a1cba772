-- What an attempt policy needs to be kept to: which items a quiz leaves out for its owner's sake, and
-- a person's open sitting found by an index. A changed policy is seen by delivery's cached banks.
-- depends: 0016_pool_versions

-- question ids that the owner has seen before, as far as the pool could do without them
ALTER TABLE quiz_sessions ADD COLUMN left_out bigint [] NOT NULL DEFAULT '{}';

CREATE INDEX quiz_sessions_open_sittings_idx ON quiz_sessions (tenant_id, user_id)
WHERE mode = 'exam' AND sealed_at IS NULL;

CREATE FUNCTION bump_bank_versions_of_exams() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    -- exposure control has a state of its own for an exam's defaults
    PERFORM public.bump_bank_versions(
        (SELECT array_agg(DISTINCT n.exam_code)
         FROM old_rows AS o JOIN new_rows AS n USING (exam_code)
         WHERE (o.policy, o.irt_model, o.tau, o.test_length)
             IS DISTINCT FROM (n.policy, n.irt_model, n.tau, n.test_length)),
        false
    );
    RETURN NULL;
END $$;
CREATE TRIGGER exams_bump AFTER UPDATE ON exams
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_versions_of_exams();
