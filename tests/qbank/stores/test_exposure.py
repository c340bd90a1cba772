from __future__ import annotations

import itertools
import threading
from datetime import UTC, date, timedelta

import psycopg
import pytest

from qbank import postgres
from qbank.stores import InvalidValueError, NotFoundError, exposure, item_bank, runs
from qbank.stores.exposure import Control, Origin
from tests.qbank.stores.conftest import EXAM

BY = Origin("calibration", "admin")


def values(conn: postgres.Connection) -> dict[int, float]:
    return {c.question_id: c.sh_p for c in exposure.in_force(conn, EXAM)}


def test_publishing_changes_what_differs_and_writes_its_history(conn, items):
    first = exposure.publish(conn, EXAM, [Control(q, 1, 0.5) for q in items], BY)
    assert (first.changed, first.unchanged, first.pinned) == (4, 0, 0)
    wanted = [Control(items[0], 1, 0.25), *(Control(q, 1, 0.5) for q in items[1:])]
    second = exposure.publish(conn, EXAM, wanted, BY)
    assert (second.changed, second.unchanged) == (1, 3)
    entry = exposure.history(conn, EXAM)[0]
    assert (entry.question_id, entry.before, entry.after) == (items[0], 0.5, 0.25)
    assert len(exposure.history(conn, EXAM)) == 5


def test_pinned_items_are_left_alone(conn, items):
    exposure.set_manual(conn, EXAM, Control(items[0], 1, 0.9), actor="admin", pinned=True)
    done = exposure.publish(conn, EXAM, [Control(q, 1, 0.5) for q in items], BY)
    assert (done.changed, done.pinned) == (3, 1)
    assert values(conn)[items[0]] == 0.9


def test_a_manual_value_keeps_the_pin_unless_told(conn, items):
    control = Control(items[0], 1, 0.9)
    assert exposure.set_manual(conn, EXAM, control, actor="admin", pinned=True).pinned
    assert exposure.set_manual(conn, EXAM, control, actor="admin").pinned
    assert not exposure.set_manual(conn, EXAM, control, actor="admin", pinned=False).pinned
    assert len(exposure.history(conn, EXAM)) == 1  # the value changed once


def test_delivery_may_set_by_hand(items):
    with postgres.connect("delivery") as conn:
        conn.execute("SELECT set_config('qbank.tenant_id', 't', true)")
        conn.execute("SELECT set_config('qbank.actor', 'admin', true)")
        row = exposure.set_manual(conn, EXAM, Control(items[0], 1, 0.3), actor="admin", note="why")
        assert (row.sh_p, row.updated_by) == (0.3, "admin")
        assert exposure.history(conn, EXAM)[0].note == "why"


@pytest.mark.parametrize("wrong", [1.3, -0.1, float("nan"), float("inf")])
def test_a_value_that_is_no_probability_changes_nothing(conn, items, wrong):
    with pytest.raises(InvalidValueError, match="not a probability"):
        exposure.publish(conn, EXAM, [Control(items[0], 1, 0.5), Control(items[1], 1, wrong)], BY)
    assert values(conn) == {}


def test_an_item_named_twice_and_an_unknown_item_are_refused(conn, items):
    with pytest.raises(InvalidValueError, match="named twice"):
        exposure.publish(conn, EXAM, [Control(items[0], 1, 0.5)] * 2, BY)
    with pytest.raises(NotFoundError, match="does not exist"):
        exposure.publish(conn, EXAM, [Control(10**9, 1, 0.5)], BY)


def test_history_is_append_only(items):
    with postgres.connect("owner") as conn:
        exposure.publish(conn, EXAM, [Control(items[0], 1, 0.5)], BY)
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
            conn.execute("UPDATE item_exposure_history SET after = 1")


def test_a_run_can_be_returned_to_as_a_whole(conn, items):
    first = runs.create(
        conn, kind="sympson_hetter", exam_code=EXAM, params={}, requested_by="admin"
    )
    by_first = Origin("calibration", "admin", first.id)
    exposure.publish(conn, EXAM, [Control(items[0], 1, 0.5), Control(items[1], 1, 0.6)], by_first)
    exposure.publish(conn, EXAM, [Control(items[0], 1, 0.1), Control(items[2], 1, 0.2)], BY)

    back = exposure.after_run(conn, EXAM, first.id)
    assert {c.question_id: c.sh_p for c in back} == {items[0]: 0.5, items[1]: 0.6, items[2]: None}
    exposure.publish(conn, EXAM, back, Origin("rollback", "admin"))
    assert values(conn) == {items[0]: 0.5, items[1]: 0.6}


def test_the_bank_shows_parameters_controls_and_moves_its_version(conn, items):
    before = item_bank.load(conn, EXAM)
    assert len(before) == 4
    assert not before.calibrated.any()
    assert (before.sh_p == 1).all()
    exposure.publish(conn, EXAM, [Control(items[0], 1, 0.5)], BY)
    after = item_bank.load(conn, EXAM)
    assert after.bank_version > before.bank_version
    assert after.sh_p[0] == 0.5
    assert after.controlled[0]
    assert after.fingerprint() == before.fingerprint()  # exposure is no input of itself


def test_two_publications_of_one_exam_do_not_mix(items):
    """Whatever the order, the end is one of the two as a whole."""
    failures: list[BaseException] = []

    def publish(sh_p: float) -> None:
        try:
            for _ in range(10):
                with postgres.connect("orchestration") as conn:
                    exposure.publish(conn, EXAM, [Control(q, 1, sh_p) for q in items], BY)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=publish, args=(value,)) for value in (0.3, 0.7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with postgres.connect("orchestration") as conn:
        assert len(set(values(conn).values())) == 1
        # and the history of each item is one unbroken chain
        for question in items:
            chain = exposure.history(conn, EXAM, question_id=question)[::-1]
            assert [e.before for e in chain] == [None, *(e.after for e in chain[:-1])]
            assert all(a.at < b.at for a, b in itertools.pairwise(chain))


def test_a_day_starts_from_what_was_in_force_at_its_first_moment(conn, items):
    exposure.publish(conn, EXAM, [Control(items[0], 1, 0.5)], BY)
    today = exposure.history(conn, EXAM)[0].at.astimezone(UTC).date()
    assert exposure.at_start_of(conn, EXAM, today) == ()
    assert exposure.at_start_of(conn, EXAM, today + timedelta(days=1)) == (
        Control(items[0], 1, 0.5),
    )


def reestimated(conn: postgres.Connection, day: date, question: int, sh_p: float) -> None:
    """A re-estimation of a day that is done, as the night leaves it behind."""
    run = runs.create(
        conn,
        kind="reestimation",
        exam_code=EXAM,
        params={"day": day.isoformat()},
        requested_by="night",
    )
    runs.claim(conn, run.id, orchestrator_run_id=str(run.id))
    proposal = {"question_id": [question], "version": [1], "sh_p_before": [None], "sh_p": [sh_p]}
    runs.propose(conn, run.id, {"proposal": proposal}, input_fingerprint="f")
    runs.finish(conn, run.id, "done")


def test_a_reestimation_counts_for_its_day_whenever_it_was_computed(conn, items):
    first = date(2026, 3, 1)
    reestimated(conn, first + timedelta(days=1), items[0], 0.6)
    reestimated(conn, first, items[0], 0.8)  # the day before, computed later

    def start(offset: int) -> dict[int, float | None]:
        controls = exposure.at_start_of(conn, EXAM, first + timedelta(days=offset))
        return {c.question_id: c.sh_p for c in controls}

    assert start(0) == {}
    assert start(1) == {items[0]: 0.8}
    assert start(2) == {items[0]: 0.6}
    reestimated(conn, first, items[0], 0.7)  # and once more: the latest counts
    assert start(1) == {items[0]: 0.7}
    assert {c.question_id: c.sh_p for c in exposure.at_end(conn, EXAM)} == {items[0]: 0.6}
    # what was published by hand since then comes after all of them
    exposure.set_manual(conn, EXAM, Control(items[0], 1, 0.1), actor="admin")
    assert exposure.at_end(conn, EXAM) == (Control(items[0], 1, 0.1),)
