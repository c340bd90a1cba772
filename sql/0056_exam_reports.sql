-- The newest technical report of each exam: who writes it and who downloads it may be on different
-- machines, and what it was written from says whether there is anything new to report. A report can
-- be asked for over the API.
-- depends: 0053_more_requests

CREATE TABLE exam_reports (
    exam_code text PRIMARY KEY,
    tenant_id text NOT NULL,
    -- what the exam was when the report was begun
    input_fingerprint text NOT NULL CHECK (input_fingerprint <> ''),
    -- abilities at which the exam decides
    cuts double precision [] NOT NULL,
    -- the calibration that it is about; none where none was published
    run_id uuid,
    as_of timestamptz,
    -- sections without evidence, and what brings it
    missing jsonb NOT NULL CHECK (jsonb_typeof(missing) = 'object'),
    -- of the JSON, which has every number
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    -- where the same files lie on the machine that wrote them
    folder text NOT NULL CHECK (folder <> ''),
    html bytea NOT NULL,
    pdf bytea NOT NULL,
    json bytea NOT NULL,
    csv bytea NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT exam_reports_exam_code_fkey
    FOREIGN KEY (exam_code, tenant_id) REFERENCES exams (exam_code, tenant_id)
);
CREATE TRIGGER exam_reports_take_tenant BEFORE INSERT ON exam_reports FOR EACH ROW
WHEN (NEW.tenant_id IS NULL) EXECUTE FUNCTION take_tenant('exam');
ALTER TABLE exam_reports ENABLE ALWAYS TRIGGER exam_reports_take_tenant;
ALTER TABLE exam_reports ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON exam_reports TO qbank_delivery
USING (tenant_id = current_setting('qbank.tenant_id', true));
CREATE POLICY every_tenant ON exam_reports TO qbank_orchestration USING (true);
GRANT SELECT ON exam_reports TO qbank_delivery;
GRANT SELECT, INSERT, UPDATE ON exam_reports TO qbank_orchestration;

ALTER TABLE data_requests
DROP CONSTRAINT data_requests_kind_check,
ADD CONSTRAINT data_requests_kind_check
CHECK (kind IN ('responses', 'items', 'undo', 'person_export', 'person_erase', 'report'));
