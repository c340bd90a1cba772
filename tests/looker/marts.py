"""The marts on the demo data, built once a run, for every room that reads them.

Fixtures:
    marts: settings of a database with the demo data and all marts. Read only.
    analyst: a connection to it as the role that Looker and Metabase sign in with.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qbank.postgres import connect, libpq_environment
from qbank.settings import Settings

# as a calibration would leave things: parameters and sh_p of live items, from one run that changed
# them and one that failed, so that nothing about calibration is tested on empty tables
CALIBRATED = """
WITH exam AS (SELECT exam_code FROM exams ORDER BY exam_code LIMIT 1),
runs AS (
    INSERT INTO calibration_runs (
        kind, exam_code, status, params, history, result, error, requested_by,
        started_at, finished_at
    )
    SELECT
        'sympson_hetter', exam_code, status, '{"tau": 0.2}',
        '[{"max_exp": 0.6, "overlap": 0.4, "rmse": 0.30, "bias": 0.01},
          {"max_exp": 0.2, "overlap": 0.2, "rmse": 0.33, "bias": 0.01}]',
        '{"converged": true}', error, 'tests', now(), now() + interval '3 seconds'
    FROM exam, (VALUES ('done', NULL), ('failed', 'no items')) AS ends (status, error)
    RETURNING id, exam_code, status
),
items AS (
    SELECT p.exam_code, p.question_id, p.live_version AS version, r.id AS run_id
    FROM question_publications AS p
    JOIN runs AS r ON r.exam_code = p.exam_code AND r.status = 'done'
),
parameters AS (
    INSERT INTO item_calibration (
        exam_code, question_id, version, model, a, b, se_a, se_b, n_respondents, converged, run_id
    )
    SELECT
        exam_code, question_id, version, e.irt_model, 1 + 0.01 * (question_id % 50),
        (question_id % 40) / 10.0 - 2, 0.1, 0.1, 500, true, run_id
    FROM items JOIN exams AS e USING (exam_code)
    ON CONFLICT DO NOTHING
),
controls AS (
    INSERT INTO item_exposure_control (
        exam_code, question_id, version, sh_p, updated_by, run_id
    )
    SELECT exam_code, question_id, version, 0.5, 'tests', run_id FROM items
    ON CONFLICT DO NOTHING
)
INSERT INTO item_exposure_history (
    exam_code, question_id, version, before, after, source, run_id, actor
)
SELECT exam_code, question_id, version, 1.0, 0.5, 'calibration', run_id, 'tests' FROM items
"""
# as an examination of that exam's items would leave things
EXAMINED = """
WITH examinations AS (
    INSERT INTO item_examinations (exam_code, responses, persons, input_fingerprint, summary)
    SELECT exam_code, 50000, 1500, 'tests', '{
        "attributes": {
            "first_language": {"groups": [
                {"value": "English", "persons": 800, "mean": 0.1, "sd": 1.0},
                {"value": "other", "persons": 700, "mean": -0.1, "sd": 1.1}]},
            "school": {"skipped": "1 groups have 100 persons, 2 are needed"}},
        "person_fit": {"persons": 1400, "misfit": 21}}'
    FROM exams ORDER BY exam_code LIMIT 1
    RETURNING exam_code
),
fairness AS (
    INSERT INTO item_fairness (
        exam_code, question_id, version, attribute, focal, reference, n_focal, n_reference, delta,
        se_delta, uniform_p, nonuniform_p, q_value, power, ets_class
    )
    SELECT
        exam_code, question_id, version, 'first_language', 'other', 'English', 150, 170,
        CASE WHEN question_id % 40 = 0 THEN -3 ELSE 0.1 * (question_id % 9 - 4) END, 0.5,
        CASE WHEN question_id % 40 = 0 THEN 0.0001 ELSE 0.6 END, 0.5,
        CASE WHEN question_id % 40 = 0 THEN 0.01 ELSE 0.9 END, 0.85,
        CASE WHEN question_id % 40 = 0 THEN 'C' ELSE 'A' END
    FROM examinations JOIN item_calibration USING (exam_code)
)
INSERT INTO item_fit (
    exam_code, question_id, version, n, infit, outfit, rmsd, is_poor, shape_p, shape_q,
    dependent_question_id, dependent_version, q3
)
SELECT
    exam_code, question_id, version, 300, 1, 1.02, 0.15 / (1 + question_id % 7),
    question_id % 7 = 0, 0.01, 0.04,
    CASE WHEN question_id % 30 = 0 THEN question_id END,
    CASE WHEN question_id % 30 = 0 THEN version END,
    CASE WHEN question_id % 30 = 0 THEN 0.3 END
FROM examinations JOIN item_calibration USING (exam_code)
"""
PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def marts(clone_database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with clone_database("demo") as settings:
        with connect("owner", settings=settings) as owner:
            owner.execute(CALIBRATED)
            owner.execute(EXAMINED)
        work = tmp_path_factory.mktemp("dbt")
        command = [str(Path(sys.executable).with_name("dbt")), "run", "--quiet"]
        command += ["--project-dir", "dbt_qbank", "--profiles-dir", "dbt_qbank"]
        command += ["--target-path", str(work), "--log-path", str(work)]
        environment = os.environ | libpq_environment("orchestration", settings)
        run = subprocess.run(
            command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=280
        )
        assert run.returncode == 0, run.stdout + run.stderr
        yield settings


@pytest.fixture
def analyst(marts: Settings) -> Iterator[psycopg.Connection]:
    with connect("analyst", settings=marts, autocommit=True) as connection:
        yield connection
