-- depends: 0003_calibration
-- Imports of responses: one row a file and exam, so that what came from where stays known.

CREATE TABLE import_batches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exam_code text NOT NULL REFERENCES exams (exam_code),
    source_name text NOT NULL,
    source_sha256 text NOT NULL CHECK (source_sha256 ~ '^[0-9a-f]{64}$'),
    rows_read bigint NOT NULL CHECK (rows_read >= 0),
    rows_inserted bigint NOT NULL CHECK (rows_inserted >= 0),
    rows_known bigint NOT NULL CHECK (rows_known >= 0),
    rows_rejected bigint NOT NULL CHECK (rows_rejected >= 0),
    imported_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (rows_read = rows_inserted + rows_known + rows_rejected)
);
CREATE INDEX import_batches_exam_idx ON import_batches (exam_code, created_at DESC);
