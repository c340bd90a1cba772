"""Runs launched in Dagit under faults: each ends with the numbers of an undisturbed twin.

All exams are planted alike, one for each fault; their numbers are the same, item by item, unless a
fault changed them. Where a run fails, a person re-executes it, and that is enough.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from qbank import migrations, postgres
from qbank.postgres import embedded
from qbank.settings import get_settings
from qbank.stores import exposure, runs
from qbank_orchestration.instance import instance
from qbank_orchestration.running import Runner
from tests.orchestration.daemon import daemon, wait_for
from tests.orchestration.dagit import PATIENCE, Dagit, dagit
from tests.orchestration.planted import Planted, plant
from tests.orchestration.tmpfs import fill, small_disk

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(1800)]

ASSETS = (
    "irt_calibration",
    "item_parameters",
    "sympson_hetter_calibration",
    "item_exposure_control",
)
# long enough to be met in the middle
REQUEST = {"n": 200_000, "iters": 12, "tau": 0.35, "seed": 11}
CONFIG = {"ops": {"sympson_hetter_calibration": {"config": REQUEST}}}
TWIN = "undisturbed"


@dataclass(frozen=True)
class Site:
    """Dagit, its daemon and the exams.

    Attributes:
        dagit: its pages.
        exams: by code; the same items, persons and answers in each.
        disk: folder of the whole platform, Postgres' data included.
        is_small: whether the disk is a small one that can be filled.
    """

    dagit: Dagit
    exams: dict[str, Planted]
    disk: Path
    is_small: bool


Fault = Callable[[Site, str], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A platform of its own, with its own server, whose disk can be filled."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qbank-disk-")))
        folder.chmod(0o711)  # the user that runs the server for root passes through
        is_small = stack.enter_context(small_disk(folder, megabytes=700))
        stack.enter_context(_environment(QBANK_HOME=str(folder / "home")))
        settings = get_settings()
        stack.callback(lambda: embedded.drop(settings, force=True))
        migrations.migrate(settings)
        exams = {
            code: plant(code, items=40, persons=600, length=20, seed=3)
            for code in (TWIN, *(fault.__name__ for fault in FAULTS))
        }
        with instance() as opened:
            built = Runner(opened).run("rebuild_marts")
        assert built.success, built.error
        stack.enter_context(daemon())
        pages = stack.enter_context(dagit())
        wait_for(_known(TWIN), PATIENCE, "the exam partitions sensor")
        yield Site(pages, exams, folder, is_small)


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _known(exam_code: str) -> Callable[[], bool | None]:
    def look() -> bool | None:
        with instance() as opened:
            return opened.has_dynamic_partition("exam", exam_code) or None

    return look


# The faults. Each is entered while the run simulates, and left again.


@contextmanager
def canceled_by_a_person(site: Site, run_id: str) -> Iterator[None]:
    site.dagit.terminate(run_id)
    yield
    assert site.dagit.ended(run_id) == "CANCELED"
    exam = _exam_of(run_id)
    (row, *_) = rows(exam, "sympson_hetter")
    assert row.status == "canceled", row.error
    assert in_force(site.exams[exam]) == {}


@contextmanager
def code_location_reloaded(site: Site, run_id: str) -> Iterator[None]:
    site.dagit.reload("qbank")
    yield
    assert site.dagit.ended(run_id) == "SUCCESS"


@contextmanager
def launched_twice(site: Site, run_id: str) -> Iterator[None]:
    again = site.dagit.materialize(ASSETS, _exam_of(run_id), CONFIG)
    yield
    assert site.dagit.ended(run_id) == "SUCCESS"
    assert site.dagit.ended(again) == "SUCCESS"


@contextmanager
def a_second_daemon(site: Site, run_id: str) -> Iterator[None]:
    with daemon():
        time.sleep(20)  # it starts, and looks at queue, sensors and runs
        again = site.dagit.materialize(ASSETS, _exam_of(run_id), CONFIG)
        yield
        assert site.dagit.ended(run_id) == "SUCCESS"
        assert site.dagit.ended(again) == "SUCCESS"


@contextmanager
def postgres_restarted(site: Site, run_id: str) -> Iterator[None]:
    embedded.stop(get_settings(), force=True)
    time.sleep(2)
    embedded.ensure_running(get_settings())
    yield


@contextmanager
def disk_full(site: Site, run_id: str) -> Iterator[None]:
    if not site.is_small:
        pytest.skip("no right to mount a small disk here")
    with fill(site.disk):
        time.sleep(8)
    yield


@contextmanager
def connection_limit_reached(site: Site, run_id: str) -> Iterator[None]:
    taken: list[psycopg.Connection[Any]] = []
    try:
        with pytest.raises(
            psycopg.OperationalError, match=r"too many clients|remaining connection"
        ):
            taken.extend(_connections())
        time.sleep(15)
    finally:
        for each in taken:
            each.close()
    yield


def _connections() -> Iterator[psycopg.Connection[Any]]:
    while True:
        yield psycopg.connect(postgres.dsn("orchestration"))


@contextmanager
def statement_timeout(site: Site, run_id: str) -> Iterator[None]:
    """Somebody holds what publication writes, and statements may not wait for long."""
    limit = "ALTER ROLE qbank_orchestration {} statement_timeout"
    with postgres.connect("owner", autocommit=True) as owner:
        owner.execute(limit.format("SET") + " = '2s'")
        try:
            with postgres.connect("owner") as holder:
                holder.execute("LOCK TABLE item_exposure_control IN ACCESS EXCLUSIVE MODE")
                assert site.dagit.ended(run_id) == "FAILURE"
        finally:
            owner.execute(limit.format("RESET"))
    yield


FAULTS: tuple[Fault, ...] = (
    canceled_by_a_person,
    code_location_reloaded,
    launched_twice,
    a_second_daemon,
    postgres_restarted,
    disk_full,
    connection_limit_reached,
    statement_timeout,
)


@pytest.mark.parametrize("fault", [nullcontext, *FAULTS], ids=lambda fault: fault.__name__)
def test_a_run_ends_as_its_undisturbed_twin(site: Site, fault: Fault):
    exam = TWIN if fault is nullcontext else fault.__name__
    run_id = site.dagit.materialize(ASSETS, exam, CONFIG)
    wait_for(_simulating(exam), PATIENCE, f"the simulation of {exam}")
    with fault(site, run_id) if fault is not nullcontext else nullcontext():
        pass
    end(site, exam)
    nothing_is_half_done()
    planted, twin = site.exams[exam], site.exams[TWIN]
    assert len(in_force(planted)) == planted.a.size
    assert in_force(planted) == in_force(twin)
    assert parameters(planted) == parameters(twin)


def test_the_marts_of_all_exams_agree_with_the_twins(site: Site):
    refresh = site.dagit.launch("refresh_results")
    assert site.dagit.ended(refresh) == "SUCCESS", site.dagit.why(refresh)
    undisturbed = marts(site.exams[TWIN])
    assert all(undisturbed.values())
    for exam, planted in site.exams.items():
        assert marts(planted) == undisturbed, exam


def end(site: Site, exam: str) -> None:
    """Waits for the exam's runs; a person re-executes one that was not followed by success."""
    for _ in range(3):
        last = wait_for(lambda: _over(exam), 2 * PATIENCE, f"the end of {exam}'s runs")
        if last.status == dg.DagsterRunStatus.SUCCESS:
            return
        if last.status == dg.DagsterRunStatus.CANCELED:
            site.dagit.materialize(ASSETS, exam, CONFIG)
        else:
            site.dagit.reexecute(last.run_id)
    raise AssertionError(f"{exam} did not come right: {rows(exam, 'sympson_hetter')}")


def _over(exam: str) -> dg.DagsterRun | None:
    """The exam's last run, when none is under way."""
    with suppress(Exception), instance() as opened:
        found = opened.get_runs(dg.RunsFilter(tags={"dagster/partition": exam}))
        return found[0] if all(run.is_finished for run in found) else None
    return None  # the server restarts


def _simulating(exam: str) -> Callable[[], bool | None]:
    def look() -> bool | None:
        found = rows(exam, "sympson_hetter")
        return True if found and found[0].history else None

    return look


def _exam_of(run_id: str) -> str:
    with instance() as opened:
        run = opened.get_run_by_id(run_id)
    assert run is not None
    return run.tags["dagster/partition"]


def rows(exam: str, kind: runs.Kind) -> tuple[runs.Run, ...]:
    """The exam's rows of a kind, newest first, in full."""
    with postgres.connect("owner") as conn:
        found = runs.list(conn, runs.RunFilter(exam_code=exam, kind=kind)).runs
        return tuple(runs.get(conn, run.id) for run in found)


def _by_position(planted: Planted, found: dict[int, Any]) -> dict[int, Any]:
    return {
        n: found[question]
        for n, question in enumerate(planted.question_id.tolist())
        if question in found
    }


def in_force(planted: Planted) -> dict[int, float]:
    """sh_p by the item's place in the exam."""
    with postgres.connect("owner") as conn:
        control = exposure.in_force(conn, planted.exam_code)
    return _by_position(planted, {c.question_id: c.sh_p for c in control})


def parameters(planted: Planted) -> dict[int, Any]:
    """Parameters and their standard errors, by the item's place in the exam."""
    with postgres.connect("owner") as conn:
        found = conn.execute(
            "SELECT question_id, a, b, c, se_a, se_b FROM item_calibration WHERE exam_code = %s",
            (planted.exam_code,),
        ).fetchall()
    return _by_position(planted, {row[0]: row[1:] for row in found})


def marts(planted: Planted) -> dict[str, dict[int, Any]]:
    """What the marts say of each item."""
    told = {
        "item_health": "SELECT question_id, attempts, p_value, r_point_biserial, median_time_ms,"
        " a, b, sh_p, served, exposure_rate"
        " FROM analytics.item_health WHERE exam_code = %s",
        "fact_responses": "SELECT question_id, count(*), count(*) FILTER (WHERE is_correct),"
        " sum(time_taken_ms) FROM analytics.fact_responses WHERE exam_code = %s GROUP BY 1",
    }
    with postgres.connect("owner") as conn:
        return {
            mart: _by_position(
                planted,
                {row[0]: row[1:] for row in conn.execute(query, (planted.exam_code,)).fetchall()},
            )
            for mart, query in told.items()
        }


def nothing_is_half_done() -> None:
    """No row is open, and what is in force is what the history says."""
    with postgres.connect("owner") as conn:
        assert runs.running(conn) == ()
        exams = [row[0] for row in conn.execute("SELECT exam_code FROM exams").fetchall()]
        for exam in exams:
            now = {(c.question_id, c.sh_p) for c in exposure.in_force(conn, exam)}
            assert now == {(c.question_id, c.sh_p) for c in exposure.at_end(conn, exam)}
        changed = dict(
            conn.execute(
                "SELECT run_id, count(*) FROM item_exposure_history GROUP BY run_id"
            ).fetchall()
        )
        published = dict(
            conn.execute(
                "SELECT id, (result -> 'published' ->> 'changed')::int FROM calibration_runs"
                " WHERE status = 'done' AND (result -> 'published' ->> 'changed')::int > 0"
                " AND kind <> 'irt'"
            ).fetchall()
        )
        assert changed == published
