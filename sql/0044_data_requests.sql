-- What is asked for over the API and only the owner may do: files that are imported, and imports that
-- are taken back. The file lies in pieces beside its request, so that the API and whoever imports may
-- be on different machines, both see a whole file or none, and the wall between tenants is around it.
-- depends: 0043_sittings

CREATE TABLE data_requests (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id text NOT NULL CHECK (tenant_id <> ''),
    kind text NOT NULL CHECK (kind IN ('responses', 'items', 'undo')),
    -- as its tenant calls it: the import may make it
    exam text NOT NULL,
    -- the import that an undo takes back
    undoes uuid,
    options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object'),
    file_name text,
    file_bytes bigint CHECK (file_bytes > 0),
    sha256 text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    requested_by text NOT NULL CHECK (requested_by <> ''),
    state text NOT NULL DEFAULT 'queued'
    CHECK (state IN ('queued', 'running', 'done', 'refused', 'failed')),
    -- how often somebody began, and the run of the orchestrator that did last
    attempts smallint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    orchestrator_run_id text,
    -- what the command would have answered
    report jsonb,
    error text,
    import_batch_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    UNIQUE (id, tenant_id),
    FOREIGN KEY (undoes, tenant_id) REFERENCES data_requests (id, tenant_id),
    FOREIGN KEY (import_batch_id, tenant_id) REFERENCES import_batches (id, tenant_id),
    CHECK ((kind = 'undo') = (undoes IS NOT NULL)),
    CHECK ((kind IN ('responses', 'items')) = (file_name IS NOT NULL)),
    CHECK (num_nulls(file_name, file_bytes, sha256) IN (0, 3)),
    CHECK ((state IN ('done', 'refused', 'failed')) = (finished_at IS NOT NULL)),
    CHECK (state IN ('queued', 'failed') OR orchestrator_run_id IS NOT NULL)
);
CREATE INDEX data_requests_tenant_idx ON data_requests (tenant_id, created_at DESC);
CREATE INDEX data_requests_open_idx ON data_requests (created_at)
WHERE state IN ('queued', 'running');
CREATE INDEX data_requests_undoes_idx ON data_requests (undoes);

CREATE TABLE data_request_files (
    request_id uuid NOT NULL REFERENCES data_requests (id),
    -- what came, or the rows that were refused
    what text NOT NULL CHECK (what IN ('upload', 'rejects')),
    position integer NOT NULL CHECK (position >= 0),
    data bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (request_id, what, position)
);
-- mostly packed already, and read once
ALTER TABLE data_request_files ALTER COLUMN data SET STORAGE EXTERNAL;

ALTER TABLE data_requests ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON data_requests TO qbank_delivery
USING (tenant_id = current_setting('qbank.tenant_id', true));
CREATE POLICY every_tenant ON data_requests TO qbank_orchestration USING (true);
-- delivery asks, and says of nothing that it was done
CREATE POLICY asked_for ON data_requests AS RESTRICTIVE FOR INSERT TO qbank_delivery
WITH CHECK (
    state = 'queued' AND attempts = 0 AND report IS NULL AND import_batch_id IS NULL
    AND orchestrator_run_id IS NULL AND created_at = transaction_timestamp()
);
ALTER TABLE data_request_files ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON data_request_files TO qbank_delivery
USING ((SELECT true FROM data_requests AS r WHERE r.id = request_id));
CREATE POLICY every_tenant ON data_request_files TO qbank_orchestration USING (true);
-- a file is whole when its request is there
CREATE POLICY upload ON data_request_files AS RESTRICTIVE FOR INSERT TO qbank_delivery
WITH CHECK (what = 'upload' AND (
    SELECT r.created_at = transaction_timestamp() FROM data_requests AS r WHERE r.id = request_id
));

GRANT SELECT, INSERT ON data_requests, data_request_files TO qbank_delivery;
GRANT SELECT, UPDATE (state, attempts, orchestrator_run_id, error, started_at, finished_at)
ON data_requests TO qbank_orchestration;
-- removes what was kept long enough, and reads none of it
GRANT SELECT (request_id, what, created_at), DELETE ON data_request_files TO qbank_orchestration;

CREATE OR REPLACE FUNCTION ask_for_audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    item constant jsonb := to_jsonb(coalesce(NEW, OLD));
    what constant text := CASE TG_TABLE_NAME
        WHEN 'exams' THEN 'exam=' || (item ->> 'code')
        WHEN 'exam_blueprints' THEN 'exam=' || (
            SELECT e.code FROM exams AS e WHERE e.exam_code = item ->> 'exam_code'
        )
        WHEN 'questions' THEN 'question=' || (item ->> 'id')
        WHEN 'topics' THEN 'topic=' || (item ->> 'id')
        WHEN 'feature_flags' THEN 'flag=' || (item ->> 'key')
        WHEN 'cohort_assignments' THEN 'cohort=' || (item ->> 'cohort_key')
        WHEN 'quiz_sessions' THEN 'quiz=' || (item ->> 'id')
        WHEN 'calibration_runs' THEN 'run=' || (item ->> 'id')
        WHEN 'data_requests' THEN 'request=' || (item ->> 'id')
        WHEN 'question_options' THEN 'question=' || question_of(item)
        WHEN 'question_reviews' THEN 'question=' || question_of(item)
        ELSE 'question=' || (item ->> 'question_id')
    END;
BEGIN
    IF NOT EXISTS (
        SELECT FROM audit_log AS a
        WHERE a.created_at = transaction_timestamp() AND a.written_by = session_user
            AND a.tenant_id = current_setting('qbank.tenant_id', true)
            AND what = ANY(string_to_array(a.target, ' '))
    ) THEN
        RAISE EXCEPTION '% of % changes without a row in the audit log', TG_TABLE_NAME, what
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER data_requests_has_audit
AFTER INSERT OR UPDATE ON data_requests DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (current_user = 'qbank_delivery') EXECUTE FUNCTION ask_for_audit();
