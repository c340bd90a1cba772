"""Technical reports are written once a week for exams that changed, and when somebody asks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from qbank.importing.requested import carry_out
from qbank.postgres import connect
from qbank.reporting import renew
from qbank.reporting.writing import FILES
from qbank.settings import get_settings
from qbank.stores import data_requests, exam_reports
from qbank_orchestration import reports
from qbank_orchestration.instance import instance
from qbank_orchestration.resources import Database
from qbank_orchestration.running import Runner
from qbank_orchestration.tags import FIRST_PARTITION, LAST_PARTITION
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams, MakeTemplate, copied

pytestmark = pytest.mark.slow


@pytest.fixture
def reported(reported_template: MakeTemplate, tmp_path: Path, monkeypatch) -> Iterator[Exams]:
    """Both exams with their results in the marts, and no report yet."""
    monkeypatch.setenv("QBANK_REPORTS_DIR", str(tmp_path / "reports"))
    with copied(reported_template) as exams:
        yield exams


def due() -> set[str]:
    with connect("orchestration") as conn:
        return set(exam_reports.due(conn))


def do(statement: str, *values: object) -> None:
    with connect("owner") as conn:
        conn.execute(statement, values)


def tick(opened: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    with dg.build_schedule_context(
        instance=opened,
        scheduled_execution_time=datetime(2026, 3, 1, 10, tzinfo=UTC),
        resources={"database": Database()},
    ) as context:
        return reports.weekly_report_schedule(context)


def materialized(opened: dg.DagsterInstance) -> dict[str, list[dict[str, object]]]:
    """Metadata of the materializations of each exam, the newest first."""
    found: dict[str, list[dict[str, object]]] = {}
    for record in opened.fetch_materializations(dg.AssetKey("technical_report"), limit=20).records:
        told = record.asset_materialization
        assert told is not None
        assert told.partition is not None
        values = {name: value.value for name, value in told.metadata.items()}
        found.setdefault(told.partition, []).append(values)
    return found


def test_a_week_writes_what_changed_in_one_run_and_nothing_else(reported: Exams):
    with instance() as opened:
        opened.add_dynamic_partitions("exam", [ALGEBRA, GEOMETRY, "other"])
        asked = tick(opened)
        assert isinstance(asked, dg.RunRequest)
        runner = Runner(opened)
        ended = runner.run("write_reports", tags=asked.tags)
        assert ended.success, ended.error
        told = materialized(opened)
        assert set(told) == {ALGEBRA, GEOMETRY}
        (first,) = told[ALGEBRA]
        folder = Path(str(first["path"]))
        assert folder.is_relative_to(get_settings().reports_dir / ALGEBRA)
        assert sorted(path.name for path in folder.iterdir()) == sorted(FILES.values())
        numbers = (folder / "report.json").read_bytes()
        assert first["sha256"] == hashlib.sha256(numbers).hexdigest()
        missing = first["not_evidenced"]
        assert isinstance(missing, dict)
        assert first["warnings"] == len(missing) > 0
        assert "Decisions at cut scores" in missing
        skipped = tick(opened)
        assert isinstance(skipped, dg.SkipReason)
        assert skipped.skip_message == "no exam changed since its last report"
        # one of two changes: the run of both writes that one
        do("UPDATE exams SET title = 'Lines and circles' WHERE exam_code = %s", GEOMETRY)
        asked = tick(opened)
        assert isinstance(asked, dg.RunRequest)
        assert asked.tags[FIRST_PARTITION] == asked.tags[LAST_PARTITION] == GEOMETRY
        ended = runner.run("write_reports", tags=asked.tags | {FIRST_PARTITION: ALGEBRA})
        assert ended.success, ended.error
        told = materialized(opened)
        assert [len(told[ALGEBRA]), len(told[GEOMETRY])] == [1, 2]
        assert str(told[GEOMETRY][0]["why"]).startswith("changed since the report of")


def test_every_kind_of_change_makes_its_exam_due_and_no_other(reported: Exams):
    for exam in (ALGEBRA, GEOMETRY):
        assert renew(exam)[1]
    assert due() == set()
    for change in (
        "UPDATE exams SET tau = 0.3 WHERE exam_code = %s",
        "UPDATE analytics.fact_sessions SET loaded_at = clock_timestamp() WHERE exam_code = %s",
        "DELETE FROM analytics.fact_sessions WHERE quiz_id = (SELECT min(quiz_id)"
        " FROM analytics.fact_sessions WHERE exam_code = %s)",
        "UPDATE calibration_runs SET finished_at = clock_timestamp() WHERE exam_code = %s"
        " AND status = 'done'",
        "UPDATE item_examinations SET examined_at = now() WHERE exam_code = %s",
        "INSERT INTO exam_blueprints (exam_code, topic_id, target_weight)"
        " SELECT %s, min(id), 0.5 FROM topics",
        "UPDATE bank_versions SET pool_version = pool_version + 1 WHERE exam_code = %s",
    ):
        with connect("owner") as conn:
            conn.execute("SET session_replication_role = replica")  # without rules of other tests
            conn.execute(change, (ALGEBRA,))
        assert due() == {ALGEBRA}, change
        renew(ALGEBRA)
        assert due() == set(), change


def test_what_would_say_the_same_is_not_written_again(reported: Exams):
    report, is_new = renew(ALGEBRA, cuts=[1.0, -0.5])
    assert (is_new, report.cuts) == (True, [-0.5, 1.0])
    assert renew(ALGEBRA) == (report, False)  # the cut scores of the last one hold on
    assert "Decisions at cut scores" not in report.missing
    changed, is_new = renew(ALGEBRA, cuts=[])
    assert (is_new, changed.cuts, changed.sha256 != report.sha256) == (True, [], True)
    # an older one is as it was; what a killed process left does not stand in the way
    again, is_new = renew(ALGEBRA, cuts=[-0.5, 1.0])
    assert (is_new, again.sha256, again.folder) == (True, report.sha256, report.folder)
    with connect("orchestration") as conn:
        for form, name in FILES.items():
            kept = exam_reports.file(conn, ALGEBRA, form)
            assert kept == Path(report.folder, name).read_bytes()


def test_a_report_is_asked_for_by_a_request(reported: Exams):
    with connect("owner") as conn:
        (tenant,) = conn.execute(
            "SELECT tenant_id FROM exams WHERE exam_code = %s", (ALGEBRA,)
        ).fetchone()
    shown: list[exam_reports.ExamReport] = []
    answers = []
    for _ in range(2):
        with connect("owner") as conn:
            made = data_requests.create(
                conn, tenant_id=tenant, kind="report", exam=ALGEBRA, requested_by="amy",
                options={"cuts": [0.5]},
            )  # fmt: skip
        with connect("orchestration") as conn:
            claimed = data_requests.claim(conn, made.id, "run-1")
        assert carry_out(claimed, on_report=shown.append) == "done"
        with connect("owner") as conn:
            answers.append(data_requests.get(conn, made.id).report)
    (report,) = shown
    assert report.cuts == [0.5]
    assert answers == [
        {"is_new": True, "sha256": report.sha256},
        {"is_new": False, "sha256": report.sha256},
    ]
