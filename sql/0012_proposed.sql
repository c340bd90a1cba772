-- A proposal outlives the process that made it: between `running` and its end a run is `proposed`,
-- and any process may audit and publish it. Workers show that they live by a row of their own, which
-- works behind a transaction pooler, too, where session locks do not.
-- depends: 0011_audit_log

ALTER TABLE calibration_runs DROP CONSTRAINT calibration_runs_status_check;
ALTER TABLE calibration_runs ADD CONSTRAINT calibration_runs_status_check CHECK (
    status IN (
        'queued', 'running', 'proposed', 'done', 'empty', 'failed', 'canceled', 'rejected'
    )
);
ALTER TABLE calibration_runs DROP CONSTRAINT calibration_runs_check;
ALTER TABLE calibration_runs ADD CONSTRAINT calibration_runs_open_check CHECK (
    (status IN ('queued', 'running', 'proposed')) = (finished_at IS NULL)
);
ALTER TABLE calibration_runs ADD CONSTRAINT calibration_runs_proposed_check CHECK (
    status <> 'proposed' OR result ? 'proposal'
);
CREATE INDEX calibration_runs_proposed_idx ON calibration_runs (exam_code, kind)
WHERE status = 'proposed';

CREATE TABLE run_presence (
    -- the Dagster run, and the process of it that is at work
    orchestrator_run_id text NOT NULL,
    process text NOT NULL,
    beat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (orchestrator_run_id, process)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON run_presence TO qbank_orchestration;
