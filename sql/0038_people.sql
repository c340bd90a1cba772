-- What is stored about a person can be taken out, and histories stay closed for everything else.
-- depends: 0036_tenant_keys

-- Where a person is erased, or a sitting is taken back whole, the transaction says so by
-- qbank.erasing; who may delete or change a row at all, its privileges say.
CREATE FUNCTION refuse_change_but_for_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('qbank.erasing', true) = 'on' THEN
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: write a new row', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

DROP TRIGGER response_history_append_only ON response_history;
CREATE TRIGGER response_history_append_only BEFORE UPDATE OR DELETE ON response_history
FOR EACH ROW EXECUTE FUNCTION refuse_change_but_for_erasure();
DROP TRIGGER audit_log_append_only ON audit_log;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
FOR EACH ROW EXECUTE FUNCTION refuse_change_but_for_erasure();

-- An earlier undo took sittings and left their history: of nobody by now, so nobody could erase it.
DO $$
BEGIN
    PERFORM set_config('qbank.erasing', 'on', true);
    DELETE FROM response_history AS h
    WHERE NOT EXISTS (SELECT FROM quiz_sessions AS s WHERE s.id = h.quiz_id);
    PERFORM set_config('qbank.erasing', 'off', true);
END $$;

-- By which key a tenant's people have their pseudonyms: a fingerprint, which tells nothing of it.
CREATE TABLE pseudonym_keys (
    tenant_id text PRIMARY KEY CHECK (tenant_id <> ''),
    fingerprint text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{32}$'),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- What is known of people beside their answers, for analyses of fairness.
CREATE TABLE people (
    tenant_id text NOT NULL CHECK (tenant_id <> ''),
    user_id text NOT NULL CHECK (user_id <> ''),
    -- name: value, as imports gave them
    attributes jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id)
);
GRANT SELECT ON people TO qbank_orchestration;

-- What an import wrote there, and what it was before: undone with it.
CREATE TABLE people_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_batch_id bigint NOT NULL,
    tenant_id text NOT NULL,
    user_id text NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    was text,
    value text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (import_batch_id, tenant_id, user_id, name),
    FOREIGN KEY (import_batch_id, tenant_id) REFERENCES import_batches (id, tenant_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES people (tenant_id, user_id)
);
CREATE INDEX people_changes_person_idx ON people_changes (tenant_id, user_id, name, id);
