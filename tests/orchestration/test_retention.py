"""Retention on a real instance: what may go goes, what is needed stays."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from psycopg.types.json import Jsonb
from typer.testing import CliRunner

from qbank import postgres, retention
from qbank.cli.commands import app
from qbank.retention import RetentionSettings
from qbank.settings import get_settings
from qbank.stores import NotFoundError, exposure, runs
from qbank_orchestration.alerting.runs import alert_of
from qbank_orchestration.definitions import defs
from qbank_orchestration.instance import instance
from qbank_orchestration.retention import remove_old
from qbank_orchestration.tags import KIND
from tests.orchestration.conftest import ALGEBRA

OURS = {KIND: "test"}
EXAMS = dg.StaticPartitionsDefinition(["algebra", "geometry"])
DAYS = dg.StaticPartitionsDefinition(["2025-01-01", "2025-01-02"])
EXAM_DAYS = dg.MultiPartitionsDefinition({"exam": EXAMS, "day": DAYS})
LATER = timedelta(days=100)


@dg.asset
def plain() -> None: ...


@dg.asset(partitions_def=EXAMS)
def by_exam() -> None: ...


@dg.asset(partitions_def=EXAM_DAYS)
def by_day() -> None: ...


@pytest.fixture
def opened(settings):
    with instance() as found:
        yield found


def made(opened, asset, partition=None, tags=OURS):
    done = dg.materialize([asset], instance=opened, partition_key=partition, tags=tags)
    return done.run_id


def removed(opened, **options):
    answer = remove_old(opened, now=datetime.now(UTC) + LATER, **options)
    return {each.what: each.count for each in answer}


def run_ids(opened):
    return set(opened.get_run_ids())


def test_superseded_runs_go_and_the_newest_of_each_partition_stays(opened):
    old = [made(opened, plain), made(opened, by_exam, "algebra")]
    day, last_day = (
        made(opened, by_day, dg.MultiPartitionKey({"exam": "algebra", "day": name}))
        for name in ("2025-01-01", "2025-01-02")
    )
    newest = [made(opened, plain)] + [made(opened, by_exam, name) for name in
                                      ("algebra", "geometry")]  # fmt: skip
    foreign = made(opened, dg.asset(name="theirs")(lambda: None), tags={})
    made(opened, dg.asset(name="theirs")(lambda: None), tags={})
    job = dg.define_asset_job("unfinished", [plain]).resolve(
        asset_graph=dg.Definitions(assets=[plain]).resolve_asset_graph()
    )
    working = opened.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=OURS).run_id
    before = run_ids(opened)

    assert removed(opened, dry_run=True)["Dagster runs"] == 3
    assert run_ids(opened) == before
    assert removed(opened)["Dagster runs"] == 3
    assert run_ids(opened) == before - {*old, day}
    assert {*newest, last_day, foreign, working} <= run_ids(opened)
    assert opened.all_logs(old[0]) == []
    assert opened.get_latest_materialization_event(dg.AssetKey("plain")).run_id == newest[0]
    assert opened.get_materialized_partitions(dg.AssetKey("by_exam")) == {"algebra", "geometry"}
    assert removed(opened)["Dagster runs"] == 0


def test_young_runs_stay(opened):
    for _ in range(2):
        made(opened, plain)
    answer = remove_old(opened, now=datetime.now(UTC) + timedelta(days=89))
    assert answer[0].count == 0
    assert len(run_ids(opened)) == 2


def test_two_at_once_do_no_harm(opened):
    ids = [made(opened, plain) for _ in range(6)]
    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda _: removed(opened), range(2)))
    assert run_ids(opened) == {ids[-1]}
    assert sum(each["Dagster runs"] for each in done) >= 5


def test_the_job_and_the_command_remove_it(opened, monkeypatch):
    job = defs.resolve_job_def("retention")
    assert job.execute_in_process(instance=opened).success
    done = CliRunner().invoke(app, ["retention", "--dry-run", "--json"])
    assert done.exit_code == 0, done.output
    assert '"what": "Dagster runs"' in done.output
    assert defs.resolve_schedule_def("retention_schedule").cron_schedule == "30 6 * * *"


@pytest.fixture
def rows(settings):
    """Makes finished rows with a proposal, each a day younger than the one before."""
    with postgres.connect() as conn:
        conn.execute("INSERT INTO exams (exam_code, tenant_id, title) VALUES ('e', 't', 'E')")
    ages = iter(range(1000, 0, -1))

    def add(kind, status="done", *, params=None, stopped=None):
        with postgres.connect() as conn:
            run = runs.create(
                conn, kind=kind, exam_code="e", params=params or {}, requested_by="test"
            )
            conn.execute(
                """UPDATE calibration_runs SET status = %s, stopped_reason = %s, result = %s,
                    started_at = now(), finished_at = now() - make_interval(days => %s)
                WHERE id = %s""",
                (status, stopped, Jsonb({"proposal": {"question_id": []}, "summary": {"n": 1}}),
                 next(ages), run.id),
            )  # fmt: skip
        return run.id

    return add


def kept(*run_ids):
    with postgres.connect("orchestration") as conn:
        results = [runs.get(conn, run_id).result for run_id in run_ids]
    assert all(result["summary"] == {"n": 1} for result in results)
    return ["proposal" in result for result in results]


def test_who_was_not_told_in_time_is_told_to_a_person(opened):
    """The night's job fails once, which is an alert; the next one has nothing to say of it."""
    with postgres.connect() as conn:
        conn.execute(
            """INSERT INTO event_outbox
                (occurred_at, id, tenant_id, aggregatetype, aggregateid, type, payload)
            SELECT now() - interval '9 days', gen_random_uuid(), 't', 'quiz', 'q', 'x', '{}'
            FROM generate_series(1, 5);
            INSERT INTO event_relays (sink, position) SELECT 'kafka', 2 + min(position)
            FROM event_outbox;
            INSERT INTO event_dead_letters (sink, position, occurred_at, event_id, type, reason)
            SELECT 'kafka', min(position), min(occurred_at), gen_random_uuid(), 'x', 'not this'
            FROM event_outbox"""
        )
    dry = CliRunner().invoke(app, ["retention", "--dry-run"])
    assert dry.exit_code == 1
    job = defs.resolve_job_def("retention")
    first = job.execute_in_process(instance=opened, raise_on_error=False)
    run = opened.get_run_by_id(first.run_id)
    assert run is not None
    alert = alert_of(opened, run, "")
    assert alert is not None
    assert alert.title == "retention failed"
    before = datetime.now(UTC).date() - timedelta(days=7)
    said = f"events before {before} are past QBANK_KEEP_EVENTS_DAYS, and kafka was not told 3"
    assert said in dict(alert.facts)["error"]
    assert job.execute_in_process(instance=opened).success
    with postgres.connect() as conn:
        assert conn.execute("SELECT FROM event_outbox").rowcount == 0
        assert conn.execute("SELECT FROM event_dead_letters").rowcount == 0


def test_proposals_go_where_nothing_can_need_them(rows):
    superseded, rejected = rows("irt"), rows("sympson_hetter", "rejected")
    newest = rows("irt")
    after = rows("irt", "failed")  # nothing of its kind was done since
    exposure_run = rows("sympson_hetter")
    rows("sympson_hetter", stopped="dry_run")  # put nothing in its place
    day, again = (rows("reestimation", params={"day": "2025-01-01"}) for _ in range(2))
    tried = rows("reestimation", params={"day": "2025-01-02"}, stopped="dry_run")
    another = rows("reestimation", params={"day": "2025-01-02"})
    last = rows("reestimation", params={"day": "2025-01-03"})
    keep, now = RetentionSettings(), datetime.now(UTC)
    options = (now, keep, get_settings())
    assert retention.old_proposals(*options, dry_run=True).count == 4
    assert kept(superseded) == [True]
    assert retention.old_proposals(*options, dry_run=False).count == 4
    assert kept(superseded, rejected, day, tried) == [False] * 4
    assert kept(newest, after, exposure_run, again, another, last) == [True] * 6
    with postgres.connect("orchestration") as conn:
        with pytest.raises(NotFoundError, match=r"kept no longer .QBANK_KEEP_PROPOSALS_DAYS"):
            runs.diff(conn, rejected)
        assert runs.diff(conn, newest) == ()


def test_left_over_files_go_and_young_ones_stay(settings, tmp_path):
    home = settings.model_copy(update={"home": tmp_path, "reports_dir": tmp_path / "reports"})
    old = ["dbt/run-1/run_results.json", "postgres/making/password", "logs/api.log.1"]
    old += ["imports/1-1/answers.csv"]
    young = ["dbt/run-2/run_results.json", "logs/api.log", "dbt/manifest.json", "secrets"]
    young += ["imports/2-1/answers.csv"]
    for name in (*old, *young):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x" * 10)
    ago = (datetime.now(UTC) - timedelta(days=15)).timestamp()
    for name in (*old, "dbt/manifest.json", "secrets"):
        os.utime(tmp_path / name, (ago, ago))
        os.utime((tmp_path / name).parent, (ago, ago))
    os.utime(tmp_path / "dbt", (ago, ago))
    options = (datetime.now(UTC), RetentionSettings(), home)
    for dry_run in (True, False):
        answer = retention.old_files(*options, dry_run=dry_run)
        assert [(each.count, each.bytes) for each in answer] == [(1, 10)] * 4 + [(0, 0)] * 2
        assert (tmp_path / old[0]).exists() == dry_run
    assert not any((tmp_path / name).exists() for name in old)
    assert all((tmp_path / name).exists() for name in young)


def test_old_reports_go_and_the_newest_of_each_exam_stays(settings, tmp_path):
    home = settings.model_copy(update={"home": tmp_path, "reports_dir": tmp_path / "elsewhere"})
    ages = {"A/1": 900, "A/2": 500, "A/3": 450, "B/1": 399, "B/2": 1, "C/.report-x": 20}
    for name, days in ages.items():
        folder = tmp_path / "elsewhere" / name
        folder.mkdir(parents=True)
        (folder / "report.pdf").write_text("x" * 10)
        ago = (datetime.now(UTC) - timedelta(days=days)).timestamp()
        for path in (folder / "report.pdf", folder):
            os.utime(path, (ago, ago))
    answer = retention.old_files(datetime.now(UTC), RetentionSettings(), home, dry_run=False)
    found = {each.what: each.count for each in answer if each.count}
    assert found == {"technical reports": 2, "unfinished technical reports": 1}
    left = {str(p.parent.relative_to(tmp_path / "elsewhere")) for p in tmp_path.rglob("*.pdf")}
    assert left == {"A/3", "B/1", "B/2"}


@pytest.mark.slow
def test_what_is_in_force_and_every_rollback_outlive_retention(calibrated_runner):
    with postgres.connect("orchestration") as conn:
        first = runs.latest(conn, ALGEBRA, "sympson_hetter")
    config = {"seed": 7, "tau": 0.3}
    ops = {"sympson_hetter_calibration": {"config": config}}
    assert calibrated_runner.run("calibrate_exam", partition=ALGEBRA, ops=ops).success
    with postgres.connect("orchestration") as conn:
        then = {c.question_id: c.sh_p for c in exposure.after_run(conn, ALGEBRA, first.id)}
        in_force = exposure.in_force(conn, ALGEBRA)
    with instance() as opened:
        counts = {
            each.what: each.count
            for each in remove_old(opened, now=datetime.now(UTC) + timedelta(days=1000))
        }
    assert counts["proposals of calibration runs"] >= 1
    with postgres.connect("orchestration") as conn:
        assert exposure.in_force(conn, ALGEBRA) == in_force
    ops = {"restore_exposure_control": {"config": {"to_run": str(first.id)}}}
    assert calibrated_runner.run("rollback_exposure", ops=ops).success
    with postgres.connect("orchestration") as conn:
        restored = {c.question_id: c.sh_p for c in exposure.in_force(conn, ALGEBRA)}
    assert restored == {question: k for question, k in then.items() if k is not None}
