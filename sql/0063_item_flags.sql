-- Flags of items over time, and what people decided on them. The marts say what is flagged now and are built
-- anew at any time; since when, and what was answered, cannot be computed again and lies here.
-- depends: 0062_first_clients

-- One row for each time that a flag is raised: it goes away and comes back as another one.
CREATE TABLE item_flags (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exam_code text NOT NULL,
    tenant_id text NOT NULL,
    question_id bigint NOT NULL,
    version integer NOT NULL,
    -- the column of item_health
    flag text NOT NULL CHECK (flag ~ '^[a-z][a-z_]*$'),
    raised_at timestamptz NOT NULL DEFAULT now(),
    -- when a build found it gone, or the version no longer live
    gone_at timestamptz CHECK (gone_at >= raised_at),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (id, question_id, tenant_id),
    CONSTRAINT item_flags_exam_code_fkey
    FOREIGN KEY (exam_code, tenant_id) REFERENCES exams (exam_code, tenant_id),
    CONSTRAINT item_flags_question_id_version_fkey
    FOREIGN KEY (question_id, version, tenant_id)
    REFERENCES question_versions (question_id, version, tenant_id)
);
CREATE UNIQUE INDEX item_flags_raised_key ON item_flags (exam_code, question_id, version, flag)
WHERE gone_at IS NULL;
CREATE INDEX item_flags_item_idx ON item_flags (question_id, version);
CREATE INDEX item_flags_raised_at_idx ON item_flags (tenant_id, raised_at);
CREATE INDEX item_flags_gone_at_idx ON item_flags (tenant_id, gone_at) WHERE gone_at IS NOT NULL;
CREATE TRIGGER item_flags_take_tenant BEFORE INSERT ON item_flags FOR EACH ROW
WHEN (NEW.tenant_id IS NULL) EXECUTE FUNCTION take_tenant('exam');
ALTER TABLE item_flags ENABLE ALWAYS TRIGGER item_flags_take_tenant;

-- What somebody decided on a flag; the newest decision holds, and all of them are its history.
CREATE TABLE item_flag_decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    flag_id bigint NOT NULL,
    tenant_id text NOT NULL,
    question_id bigint NOT NULL,
    action text NOT NULL CHECK (action IN ('acknowledged', 'assigned', 'snoozed', 'reopened')),
    reason text NOT NULL CHECK (reason ~ '\S'),
    assignee text CHECK (assignee <> ''),
    snoozed_until timestamptz CHECK (snoozed_until > created_at),
    decided_by text NOT NULL CHECK (decided_by <> ''),
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((action = 'assigned') = (assignee IS NOT NULL)),
    CHECK ((action = 'snoozed') = (snoozed_until IS NOT NULL)),
    CONSTRAINT item_flag_decisions_flag_id_fkey
    FOREIGN KEY (flag_id, question_id, tenant_id)
    REFERENCES item_flags (id, question_id, tenant_id)
);
CREATE INDEX item_flag_decisions_flag_id_idx ON item_flag_decisions (flag_id, id DESC);
CREATE TRIGGER item_flag_decisions_append_only BEFORE UPDATE OR DELETE ON item_flag_decisions
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_history();

-- a decision is of the person of the transaction and of now, and stands in the audit log
CREATE FUNCTION sign_flag_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_actor('a decision', NEW.decided_by);
    NEW.created_at := transaction_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER item_flag_decisions_sign BEFORE INSERT ON item_flag_decisions
FOR EACH ROW WHEN (current_user = 'qbank_delivery') EXECUTE FUNCTION sign_flag_decision();
CREATE CONSTRAINT TRIGGER item_flag_decisions_has_audit
AFTER INSERT ON item_flag_decisions DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (current_user = 'qbank_delivery') EXECUTE FUNCTION ask_for_audit();

ALTER TABLE item_flags ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON item_flags TO qbank_delivery
USING (tenant_id = current_setting('qbank.tenant_id', true));
CREATE POLICY every_tenant ON item_flags TO qbank_orchestration USING (true);
ALTER TABLE item_flag_decisions ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON item_flag_decisions TO qbank_delivery
USING (tenant_id = current_setting('qbank.tenant_id', true));
CREATE POLICY every_tenant ON item_flag_decisions TO qbank_orchestration USING (true);

-- the build of the marts raises flags and finds them gone; people decide
GRANT SELECT ON item_flags TO qbank_delivery;
GRANT SELECT, INSERT ON item_flag_decisions TO qbank_delivery;
GRANT SELECT, INSERT, UPDATE (gone_at) ON item_flags TO qbank_orchestration;
GRANT SELECT ON item_flag_decisions TO qbank_orchestration;
