DROP TABLE run_presence;
DROP INDEX calibration_runs_proposed_idx;
-- a release without the state cannot publish what waits: it is proposed anew
UPDATE calibration_runs SET status = 'canceled', stopped_reason = 'downgraded',
    finished_at = clock_timestamp() WHERE status = 'proposed';
ALTER TABLE calibration_runs DROP CONSTRAINT calibration_runs_proposed_check;
ALTER TABLE calibration_runs DROP CONSTRAINT calibration_runs_open_check;
ALTER TABLE calibration_runs ADD CONSTRAINT calibration_runs_check CHECK (
    (status IN ('queued', 'running')) = (finished_at IS NULL)
);
ALTER TABLE calibration_runs DROP CONSTRAINT calibration_runs_status_check;
ALTER TABLE calibration_runs ADD CONSTRAINT calibration_runs_status_check CHECK (
    status IN ('queued', 'running', 'done', 'empty', 'failed', 'canceled', 'rejected')
);
