-- depends: 0002_delivery
-- Calibration results: runs, item parameters, exposure control with its history.

CREATE TABLE calibration_runs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('irt', 'sympson_hetter', 'reestimation', 'rollback')),
    exam_code text NOT NULL REFERENCES exams (exam_code),
    status text NOT NULL DEFAULT 'queued' CHECK (
        status IN ('queued', 'running', 'done', 'empty', 'failed', 'canceled', 'rejected')
    ),
    params jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(params) = 'object'),
    history jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(history) = 'array'),
    -- the proposal, its certificate and what was published of it
    result jsonb CHECK (jsonb_typeof(result) = 'object'),
    error text,
    stopped_reason text,
    requested_by text NOT NULL,
    input_fingerprint text,
    seed bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    -- proof of life while running; a row whose beat stopped belongs to a dead process
    heartbeat_at timestamptz,
    cancel_requested_at timestamptz,
    -- the Dagster run that works on this row
    orchestrator_run_id text,
    CHECK ((status IN ('queued', 'running')) = (finished_at IS NULL)),
    CHECK (status <> 'running' OR started_at IS NOT NULL)
);
CREATE INDEX calibration_runs_exam_idx ON calibration_runs (exam_code, created_at DESC);
CREATE INDEX calibration_runs_open_idx ON calibration_runs (created_at)
WHERE status IN ('queued', 'running');
CREATE INDEX calibration_runs_orchestrator_idx ON calibration_runs (orchestrator_run_id);

CREATE TABLE item_calibration (
    exam_code text NOT NULL REFERENCES exams (exam_code),
    question_id bigint NOT NULL,
    version integer NOT NULL,
    model text NOT NULL CHECK (model IN ('1pl', '2pl', '3pl')),
    a double precision NOT NULL CHECK (a > 0 AND a < 'Infinity'),
    b double precision NOT NULL CHECK (b > '-Infinity' AND b < 'Infinity'),
    c double precision NOT NULL DEFAULT 0 CHECK (c >= 0 AND c < 1),
    se_a double precision CHECK (se_a >= 0 AND se_a < 'Infinity'),
    se_b double precision CHECK (se_b >= 0 AND se_b < 'Infinity'),
    se_c double precision CHECK (se_c >= 0 AND se_c < 'Infinity'),
    n_respondents integer NOT NULL CHECK (n_respondents >= 0),
    converged boolean NOT NULL,
    fitted_at timestamptz NOT NULL DEFAULT now(),
    run_id uuid REFERENCES calibration_runs (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (exam_code, question_id, version, model),
    FOREIGN KEY (question_id, version) REFERENCES question_versions (question_id, version)
);

CREATE TABLE item_stats_ctt (
    exam_code text NOT NULL REFERENCES exams (exam_code),
    question_id bigint NOT NULL,
    version integer NOT NULL,
    p_value double precision CHECK (p_value BETWEEN 0 AND 1),
    r_point_biserial double precision CHECK (r_point_biserial BETWEEN -1 AND 1),
    median_time_ms double precision CHECK (median_time_ms >= 0),
    n integer NOT NULL CHECK (n >= 0),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (exam_code, question_id, version),
    FOREIGN KEY (question_id, version) REFERENCES question_versions (question_id, version)
);

CREATE TABLE item_exposure_control (
    exam_code text NOT NULL REFERENCES exams (exam_code),
    question_id bigint NOT NULL,
    version integer NOT NULL,
    sh_p double precision NOT NULL CHECK (sh_p BETWEEN 0 AND 1),
    pinned boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL,
    run_id uuid REFERENCES calibration_runs (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (exam_code, question_id, version),
    FOREIGN KEY (question_id, version) REFERENCES question_versions (question_id, version)
);

CREATE TABLE item_exposure_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exam_code text NOT NULL REFERENCES exams (exam_code),
    question_id bigint NOT NULL,
    version integer NOT NULL,
    before double precision CHECK (before BETWEEN 0 AND 1),
    after double precision CHECK (after BETWEEN 0 AND 1),
    source text NOT NULL CHECK (source IN ('manual', 'calibration', 'reestimation', 'rollback')),
    run_id uuid REFERENCES calibration_runs (id),
    actor text NOT NULL,
    note text,
    at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (question_id, version) REFERENCES question_versions (question_id, version)
);
CREATE INDEX item_exposure_history_item_idx
ON item_exposure_history (exam_code, question_id, version, at DESC);
CREATE INDEX item_exposure_history_at_idx ON item_exposure_history (exam_code, at);
CREATE INDEX item_exposure_history_run_idx ON item_exposure_history (run_id);

CREATE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: write a new row', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER item_exposure_history_append_only
BEFORE UPDATE OR DELETE ON item_exposure_history
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_history();

-- One version row an exam: delivery reloads its cached bank when it moves, and hears of it by NOTIFY.
CREATE TABLE bank_versions (
    exam_code text PRIMARY KEY REFERENCES exams (exam_code) ON DELETE CASCADE,
    version bigint NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION bump_bank_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    changed text;
BEGIN
    -- ordered, so that two publications touching the same exams cannot deadlock
    FOR changed IN SELECT DISTINCT exam_code FROM moved ORDER BY exam_code LOOP
        INSERT INTO public.bank_versions AS v (exam_code) VALUES (changed)
        ON CONFLICT (exam_code) DO UPDATE SET version = v.version + 1, updated_at = now();
        PERFORM pg_notify('qbank_bank', changed);
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER question_publications_bump_insert AFTER INSERT ON question_publications
REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_version();
CREATE TRIGGER question_publications_bump_update AFTER UPDATE ON question_publications
REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_version();
CREATE TRIGGER question_publications_bump_delete AFTER DELETE ON question_publications
REFERENCING OLD TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_version();
CREATE TRIGGER item_calibration_bump_insert AFTER INSERT ON item_calibration
REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_version();
CREATE TRIGGER item_calibration_bump_update AFTER UPDATE ON item_calibration
REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_version();
CREATE TRIGGER item_exposure_control_bump_insert AFTER INSERT ON item_exposure_control
REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_version();
CREATE TRIGGER item_exposure_control_bump_update AFTER UPDATE ON item_exposure_control
REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_version();
CREATE TRIGGER item_exposure_control_bump_delete AFTER DELETE ON item_exposure_control
REFERENCING OLD TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION bump_bank_version();
