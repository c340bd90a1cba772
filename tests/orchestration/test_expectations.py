"""All exams' profiles are judged once, when the results are built, and Dagit has the numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from qbank import postgres
from qbank.settings import get_settings
from qbank.stores import profiles
from qbank_orchestration.checks import expectations as checks
from qbank_orchestration.checks.expectations import CHECKS
from qbank_orchestration.definitions import defs
from qbank_orchestration.engine import expectations
from qbank_orchestration.instance import instance
from qbank_orchestration.running import Runner
from qbank_orchestration.settings import orchestration_settings
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams

JOBS = ("rebuild_marts", "nightly", "calibrate_parameters", "calibrate_exam", "reestimate_exam")


@pytest.mark.parametrize("job", JOBS)
def test_no_exam_pays_for_great_expectations(job: str):
    assert "expectations" not in {node.name for node in defs.resolve_job_def(job).nodes}


def test_the_results_pay_once():
    names = [node.name for node in defs.resolve_job_def("refresh_results").nodes]
    assert names.count("expectations") == 1


def test_the_code_location_loads_without_it():
    said = "import sys, qbank_orchestration.definitions; print('great_expectations' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def evaluations(opened: dg.DagsterInstance) -> dict[str, dg.AssetCheckEvaluation]:
    """The last evaluation of each check, as its page in Dagit shows it."""
    found = {}
    for key in CHECKS:
        (record,) = opened.event_log_storage.get_asset_check_execution_history(key, limit=1)
        assert record.event is not None
        found[key.name] = record.event.dagster_event.asset_check_evaluation_data
    return found


def perturbed(statement: str, profile: profiles.Profile, folder: Path) -> tuple[str, ...]:
    """What the suite says of the bank after a statement that is rolled back."""
    with postgres.connect("owner") as conn:
        conn.execute(statement)
        frame = profiles.of_exams(conn, profile)
        conn.rollback()
    (found,) = expectations.validate({profile: frame}, folder, run_name="test").values()
    return tuple(f"{unmet.exam_code}: {unmet.figure}" for unmet in found.unmet)


@pytest.mark.slow
def test_what_the_results_job_says(calibrated: Exams, tmp_path: Path):
    with instance() as opened:
        ended = Runner(opened).run("refresh_results")
        assert ended.success, ended.error
        assert not [name for name in ended.warnings if name.endswith("_as_expected")]
        found = evaluations(opened)
    assert set(found) == {f"{profile}_as_expected" for profile in profiles.PROFILES}
    for name, check in found.items():
        profile = name.removesuffix("_as_expected")
        assert check.metadata["exams"].value == 2
        page = Path(str(check.metadata["data_docs"].value))
        assert profile in page.read_text()
        assert (get_settings().home.resolve() / "expectations") in page.parents
        table = check.metadata["figures"].value
        assert [row.data["exam_code"] for row in table.records] == [ALGEBRA, GEOMETRY]

    the_figures_are_those_of_the_bank(calibrated)
    for statement, profile, unmet in PERTURBATIONS:
        assert unmet in perturbed(statement, profile, tmp_path), statement


def the_figures_are_those_of_the_bank(calibrated: Exams) -> None:
    with postgres.connect("owner") as conn:
        answers = conn.execute(
            "SELECT is_correct, time_taken_ms FROM user_responses JOIN quiz_sessions AS s"
            " ON s.id = quiz_id WHERE exam_code = %s",
            (ALGEBRA,),
        ).fetchall()
        frame = profiles.of_exams(conn, "responses").set_index("exam_code").loc[ALGEBRA]
        items = profiles.of_exams(conn, "items").set_index("exam_code").loc[ALGEBRA]
        b = [row[0] for row in conn.execute(
            "SELECT b FROM item_calibration WHERE exam_code = %s", (ALGEBRA,)
        ).fetchall()]  # fmt: skip
    correct, times = np.array(answers, dtype=float).T
    assert frame["responses"] == correct.size
    assert frame["share_correct"] == pytest.approx(correct.mean())
    assert frame["time_p50_ms"] == pytest.approx(np.median(times))
    assert frame["time_p95_ms"] == pytest.approx(np.quantile(times, 0.95))
    assert np.isnan(frame["option_kl"])  # nothing was answered in the window before
    assert items["live_in_mart"] == items["live_in_bank"] == calibrated.algebra.question_id.size
    assert items["b_p50"] == pytest.approx(np.median(b))


# the answers of the last ten days once more, four weeks before, with other options
EARLIER = """INSERT INTO analytics.fact_responses SELECT (r).* FROM (
    SELECT jsonb_populate_record(f, jsonb_build_object(
        'response_id', -response_id, 'attempt_number', 1000 + attempt_number,
        'quiz_id', 'before-' || quiz_id,
        'session_started_on', session_started_on - 28,
        'option_label', CASE WHEN option_label = 'A' THEN {} ELSE option_label END)) AS r
    FROM analytics.fact_responses AS f
    WHERE exam_code = 'geometry' AND session_started_on > now() - interval '12 days') AS t"""

PERTURBATIONS: tuple[tuple[str, profiles.Profile, str], ...] = (
    ("UPDATE analytics.fact_responses SET time_taken_ms = time_taken_ms / 1000"
     " WHERE exam_code = 'geometry'", "responses", "geometry: time_p50_ms"),
    ("UPDATE analytics.fact_responses SET option_label = NULL WHERE exam_code = 'algebra'",
     "responses", "algebra: share_without_option"),
    ("UPDATE analytics.fact_responses SET is_correct = true", "responses",
     "algebra: share_correct"),
    (EARLIER.format("'B'"), "responses", "geometry: option_kl"),
    ("UPDATE analytics.fact_sessions SET answered = 0, correct = 0, accuracy = NULL", "sessions",
     "algebra: share_unanswered"),
    ("UPDATE analytics.fact_sessions SET theta = 0", "sessions", "geometry: theta_sd"),
    ("DELETE FROM analytics.item_health WHERE question_id IN (SELECT question_id FROM"
     " question_publications WHERE exam_code = 'algebra' LIMIT 1)", "items",
     "algebra: live_in_mart and live_in_bank"),
    ("UPDATE analytics.item_health SET b = -b WHERE exam_code = 'geometry'", "items",
     "geometry: correlation_b_p_value"),
    ("UPDATE calibration_runs SET result = jsonb_set(result, '{proposal,parameters,b}',"
     " (SELECT jsonb_agg(3) FROM jsonb_array_elements(result -> 'proposal' -> 'parameters' -> 'b')"
     ")) WHERE kind = 'irt' AND exam_code = 'algebra'", "parameters", "algebra: b_p50"),
    ("UPDATE calibration_runs SET result = jsonb_set(result, '{proposal,sh_p}',"
     " (SELECT jsonb_agg(0.01) FROM jsonb_array_elements(result -> 'proposal' -> 'sh_p')))"
     " WHERE kind = 'sympson_hetter' AND exam_code = 'geometry'", "exposure",
     "geometry: share_held_back"),
)  # fmt: skip
"""What was done to the marts or the proposals, and what the suites make of it."""


@pytest.mark.parametrize("served", [None, "https://docs.example.org/qbank/"])
def test_links_lead_to_the_page_where_it_is_served(
    served: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if served:
        monkeypatch.setenv("QBANK_DATA_DOCS_URL", served)
    page = tmp_path / "site/validations/items/r/t/page.html"
    page.parent.mkdir(parents=True)
    (tmp_path / "site/index.html").touch()
    orchestration_settings.cache_clear()
    try:
        link = checks._link(page)
    finally:
        orchestration_settings.cache_clear()
    assert link.value == (
        "https://docs.example.org/qbank/validations/items/r/t/page.html" if served else str(page)
    )
