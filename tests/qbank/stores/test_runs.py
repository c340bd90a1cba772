from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from qbank import postgres
from qbank.stores import ConflictError, InvalidValueError, NotFoundError, exposure, runs
from tests.qbank.servers import wait_until
from tests.qbank.stores.conftest import EXAM


def queue(conn: postgres.Connection, **more: object) -> runs.Run:
    asked: dict[str, object] = {
        "kind": "sympson_hetter",
        "exam_code": EXAM,
        "params": {"tau": 0.2},
        "requested_by": "admin",
    }
    return runs.create(conn, **(asked | more))


def test_a_run_goes_from_queued_to_done_with_its_history_and_result(conn):
    run = queue(conn, seed=7)
    assert (run.status, run.seed, run.params) == ("queued", 7, {"tau": 0.2})
    assert [r.id for r in runs.queued(conn)] == [run.id]

    runs.claim(conn, run.id, orchestrator_run_id="one")
    assert runs.progress(conn, run.id, [{"iter": 1}])
    assert runs.progress(conn, run.id, [{"iter": 2}])
    runs.propose(conn, run.id, {"proposal": {"x": 1}, "summary": {"s": 2}}, input_fingerprint="f")
    assert runs.finish(conn, run.id, "done", result={"published": {"changed": 3}})

    done = runs.get(conn, run.id)
    assert [entry["iter"] for entry in done.history] == [1, 2]
    assert done.result == {
        "proposal": {"x": 1},
        "summary": {"s": 2},
        "published": {"changed": 3},
    }
    assert done.finished_at
    assert done.started_at
    assert done.finished_at >= done.started_at
    listed = runs.list(conn).runs[0]
    assert listed.history == []
    assert listed.result == {"summary": {"s": 2}, "published": {"changed": 3}}


def test_a_chosen_id_makes_one_row(conn):
    chosen = uuid4()
    assert queue(conn, run_id=chosen).id == queue(conn, run_id=chosen).id == chosen
    assert runs.list(conn).total == 1


def test_an_unknown_exam_is_named(conn):
    with pytest.raises(NotFoundError, match="'geometry' does not exist"):
        queue(conn, exam_code="geometry")


def test_two_workers_cannot_claim_one_run(conn):
    run = queue(conn)
    runs.claim(conn, run.id, orchestrator_run_id="one")
    with pytest.raises(ConflictError, match="is running"):
        runs.claim(conn, run.id, orchestrator_run_id="two")


def test_a_retry_of_the_same_worker_starts_from_the_beginning(conn):
    run = queue(conn)
    runs.claim(conn, run.id, orchestrator_run_id="one")
    runs.progress(conn, run.id, [{"iter": 1}])
    again = runs.claim(conn, run.id, orchestrator_run_id="one")
    assert again.history == []


def test_a_run_ends_once(conn):
    run = queue(conn)
    runs.claim(conn, run.id, orchestrator_run_id="one")
    assert runs.finish(conn, run.id, "failed", error="the machine went away")
    assert not runs.finish(conn, run.id, "done")
    assert runs.get(conn, run.id).status == "failed"
    assert not runs.progress(conn, run.id, [{"iter": 9}])
    with pytest.raises(ConflictError, match="not running"):
        runs.propose(conn, run.id, {}, input_fingerprint="f")


def test_running_does_not_end_a_run(conn):
    with pytest.raises(InvalidValueError, match="'running' does not end a run"):
        runs.finish(conn, queue(conn).id, "running")


def test_cancel_ends_a_queued_run_and_asks_a_running_one_to_stop(conn):
    waiting, working = queue(conn), queue(conn)
    assert runs.request_cancel(conn, waiting.id).status == "canceled"
    runs.claim(conn, working.id, orchestrator_run_id="one")
    assert runs.request_cancel(conn, working.id).status == "running"
    assert runs.progress(conn, working.id) is False
    with pytest.raises(ConflictError, match="finished already"):
        runs.request_cancel(conn, waiting.id)


def test_listing_filters_and_pages(conn):
    made = [queue(conn) for _ in range(3)]
    runs.request_cancel(conn, made[0].id)
    assert runs.list(conn, runs.RunFilter(status="canceled")).total == 1
    assert runs.list(conn, runs.RunFilter(exam_code="other")).total == 0
    assert runs.list(conn, runs.RunFilter(tenant_id="t")).total == 3
    assert runs.list(conn, runs.RunFilter(tenant_id="other")).total == 0
    pages = [runs.list(conn, page=page, page_size=2) for page in (1, 2)]
    assert [len(page.runs) for page in pages] == [2, 1]
    assert {r.id for page in pages for r in page.runs} == {r.id for r in made}
    with pytest.raises(InvalidValueError, match="page_size 500"):
        runs.list(conn, page_size=500)


def test_another_tenants_run_does_not_exist(conn):
    run = queue(conn)
    with pytest.raises(NotFoundError):
        runs.get(conn, run.id, tenant_id="other")
    with pytest.raises(NotFoundError):
        runs.request_cancel(conn, run.id, tenant_id="other")


def test_the_diff_shows_what_was_proposed_until_something_is_published(conn, items):
    run = queue(conn)
    runs.claim(conn, run.id, orchestrator_run_id="one")
    proposal = {
        "question_id": items[:2],
        "version": [1, 1],
        "sh_p_before": [None, 0.5],
        "sh_p": [0.25, 0.5],
    }
    runs.propose(conn, run.id, {"proposal": proposal}, input_fingerprint="f")
    assert runs.diff(conn, run.id) == (runs.ItemChange(items[0], 1, None, 0.25),)
    assert runs.diff(conn, run.id)[0].delta == -0.75

    origin = exposure.Origin("calibration", "admin", run.id)
    exposure.publish(conn, EXAM, [exposure.Control(items[1], 1, 0.75)], origin)
    assert runs.diff(conn, run.id) == (runs.ItemChange(items[1], 1, None, 0.75),)


def test_a_row_is_abandoned_when_its_process_is_gone_and_only_then(items):
    none, an_hour = timedelta(0), timedelta(hours=1)
    with postgres.connect("orchestration", autocommit=True) as watcher:
        run = queue(watcher)
        with postgres.connect("orchestration", autocommit=True) as worker:
            runs.claim(worker, run.id, orchestrator_run_id="one")
            assert runs.hold(worker, run.id)
            assert not runs.hold(watcher, run.id)
            assert runs.abandoned(watcher, silent_for=none, lost_for=an_hour) == ()
            # held, but silent for longer than any living process would be
            assert runs.abandoned(watcher, silent_for=none, lost_for=none)[0].id == run.id
        assert runs.abandoned(watcher, silent_for=an_hour, lost_for=an_hour) == ()
        # the server sees the end of a session a moment after its client
        wait_until(lambda: runs.abandoned(watcher, silent_for=none, lost_for=an_hour))
        assert runs.abandoned(watcher, silent_for=none, lost_for=an_hour)[0].id == run.id


def proposed(conn: postgres.Connection, **more: object) -> runs.Run:
    run = queue(conn, orchestrator_run_id="one", **more)
    runs.propose(conn, run.id, {"proposal": {"x": 1}}, input_fingerprint="f")
    return runs.get(conn, run.id)


def test_a_row_that_a_worker_makes_for_itself_is_never_queued(conn):
    run = queue(conn, orchestrator_run_id="one")
    assert (run.status, run.orchestrator_run_id) == ("running", "one")
    assert runs.queued(conn) == ()
    assert runs.claim(conn, run.id, orchestrator_run_id="one").status == "running"


def test_a_proposal_waits_until_it_is_published_and_a_newer_one_takes_its_place(conn):
    first = proposed(conn)
    assert first.status == "proposed"
    assert runs.finish(conn, first.id, "failed", only_if=("running",)) is False
    newer = proposed(conn)
    older = runs.get(conn, first.id)
    assert (older.status, older.stopped_reason) == ("canceled", "superseded")
    assert str(newer.id) in (older.error or "")
    waiting = runs.proposed(conn, EXAM, "sympson_hetter")
    assert waiting is not None
    assert waiting.id == newer.id
    assert runs.remark(conn, newer.id, "the disk is full")
    assert runs.get(conn, newer.id).error == "the disk is full"


def test_a_dry_run_takes_nobodys_place(conn):
    first = proposed(conn)
    proposed(conn, params={"dry_run": True})
    assert runs.get(conn, first.id).status == "proposed"


def test_days_wait_side_by_side(conn):
    monday, tuesday = (
        proposed(conn, kind="reestimation", params={"day": day})
        for day in ("2026-01-05", "2026-01-06")
    )
    for run, day in ((monday, date(2026, 1, 5)), (tuesday, date(2026, 1, 6))):
        waiting = runs.proposed(conn, EXAM, "reestimation", day=day)
        assert waiting is not None
        assert waiting.id == run.id


def test_cancel_ends_a_proposed_run_at_once(conn):
    run = runs.request_cancel(conn, proposed(conn).id)
    assert (run.status, run.stopped_reason) == ("canceled", "canceled")
    assert run.finished_at is not None


def test_the_calibration_in_force_is_the_one_that_a_rollback_brought_back(conn):
    def done(kind: runs.Kind, **params: object) -> runs.Run:
        run = queue(conn, kind=kind, params=params)
        runs.claim(conn, run.id, orchestrator_run_id="here")
        runs.finish(conn, run.id, "done")
        minute = next(minutes)
        conn.execute("UPDATE calibration_runs SET finished_at = %s WHERE id = %s",
                     (datetime(2026, 1, 1, 0, minute, tzinfo=UTC), run.id))  # fmt: skip
        return runs.get(conn, run.id)

    def in_force(minute: int) -> UUID | None:
        at = datetime(2026, 1, 1, 0, minute, tzinfo=UTC)
        run = runs.calibration_in_force(conn, EXAM, before=at)
        return run.id if run else None

    minutes = iter(range(60))
    first = done("sympson_hetter", tau=0.2)
    day = done("reestimation", day="2026-01-01")
    second = done("sympson_hetter", tau=0.3)
    back = done("rollback", run_id=str(day.id))
    done("rollback", run_id=str(back.id))
    assert [in_force(minute) for minute in range(6)] == [
        None, first.id, first.id, second.id, first.id, first.id,
    ]  # fmt: skip
