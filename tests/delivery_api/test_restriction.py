"""Items that reached their cap are closed to the quizzes that begin, by what was served."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from psycopg.types.json import Jsonb

from delivery_api.quizzes import loading, restriction
from delivery_api.quizzes.bank import Bank, Filters
from delivery_api.quizzes.choice import Wish
from delivery_api.quizzes.planning import left_out
from qbank.stores import runs
from tests.delivery_api.test_attempts import ask, new_exam, take
from tests.delivery_api.test_selection import deliver

__all__ = ["new_exam"]
LENGTH, TAU = 5, 0.3


@pytest.fixture
def restricted(new_exam, world, monkeypatch):
    """Makes an exam of 20 items whose calibration in force restricts; gives its items."""
    monkeypatch.setattr(restriction, "KEPT_S", 0.0)

    def make(name: str) -> tuple[str, list[int]]:
        exam, items = (
            new_exam(name, slice(20), max_attempts=None, repeat_after_days=0),
            world.questions[:20],
        )
        found = {"question_id": items, "version": [1] * 20, "cap": [TAU] * 20}
        told = {
            "selector": "progressive_se",
            "exposure_control": "restricted",
            "restriction": found,
        }
        with world.connect() as conn:
            conn.execute(
                "UPDATE exams SET tau = %s, test_length = %s, policy = policy || %s"
                " WHERE exam_code = %s",
                (TAU, LENGTH, Jsonb({k: told[k] for k in ("selector", "exposure_control")}), exam),
            )
            run = runs.create(
                conn, kind="sympson_hetter", exam_code=exam, params={}, requested_by="t"
            )
            runs.finish(conn, run.id, "done", result={"summary": told})
        return exam, items

    return make


def was_given(world: Any, exam: str, counts: dict[int, int], days_ago: int = 1) -> None:
    """Notes what controlled quizzes of a day were served."""
    with world.connect() as conn:
        for item, count in counts.items():
            conn.execute(
                """INSERT INTO exposure_daily (day, exam_code, question_id, version, tenant_id,
                    served, people, controlled)
                VALUES ((now() AT TIME ZONE 'UTC')::date - %s, %s, %s, 1, 'demo', %s, %s, %s)""",
                (days_ago, exam, item, count, count, count),
            )


def counted(world: Any, exam: str) -> dict[int, int]:
    """What controlled quizzes were served today."""
    with world.connect() as conn:
        return dict(
            conn.execute(
                """SELECT question_id, controlled FROM exposure_daily WHERE exam_code = %s
                    AND day = (now() AT TIME ZONE 'UTC')::date AND controlled > 0""",
                (exam,),
            ).fetchall()
        )


def kept(world: Any, quiz: str) -> tuple[str, list[int]]:
    with world.connect() as conn:
        row = conn.execute(
            "SELECT selector, left_out FROM quiz_sessions WHERE id = %s", (quiz,)
        ).fetchone()
    assert row is not None
    return row


def test_what_reached_its_cap_is_served_to_nobody_who_begins(client, as_user, restricted, world):
    exam, items = restricted("full")
    # a rate of 1 for two of them, a ninth above the cap for a third, and a sixth for the others
    full = {items[0]: 70, items[1]: 60, items[2]: 20}
    was_given(world, exam, full | dict.fromkeys(items[3:], 10))
    was_given(world, exam, {items[5]: 900}, days_ago=restriction.DAYS)
    eve = as_user("eve", "student")
    quiz = ask(client, eve, exam).json()["quiz_id"]
    assert kept(world, quiz) == ("progressive_se", [items[0], items[1], items[2]])
    served, _ = take(client, eve, quiz)
    assert len(served) == LENGTH
    assert not {*served} & {*items[:3]}
    assert counted(world, exam) == dict.fromkeys(served, 1)
    # nobody is refused for it: the least used of what is closed is open to whoever needs it
    long = ask(client, eve, exam, n=19).json()["quiz_id"]
    assert kept(world, long)[1] == [items[0]]


def test_a_new_item_s_rate_is_of_whom_it_could_be_given_to(client, as_user, restricted, world):
    exam, items = restricted("new")
    was_given(world, exam, dict.fromkeys(items[1:], 10))
    # by today it was in each of two tests; of all days it would be far below its cap
    was_given(world, exam, {items[0]: 2} | dict.fromkeys(items[1:9], 1), days_ago=0)
    quiz = ask(client, as_user("eve", "student"), exam).json()["quiz_id"]
    assert kept(world, quiz)[1] == [items[0]]


def test_quizzes_without_control_close_nothing_and_are_not_counted(
    client, as_user, restricted, world
):
    exam, items = restricted("free")
    was_given(world, exam, {items[0]: 70} | dict.fromkeys(items[1:], 10))
    with world.connect() as conn:
        conn.execute(
            "UPDATE exams SET policy = policy || %s WHERE exam_code = %s",
            (Jsonb({"selector": "vanilla"}), exam),
        )
    eve = as_user("eve", "student")
    quiz = ask(client, eve, exam).json()["quiz_id"]
    assert kept(world, quiz) == ("vanilla", [])
    take(client, eve, quiz)
    assert counted(world, exam) == {}


@pytest.mark.parametrize(("policy", "by"), [(True, "progressive_se"), (False, "vanilla")])
def test_a_cohort_s_selector_gives_way_where_sittings_are_as_certified(
    client, as_user, restricted, world, policy, by
):
    exam, _ = restricted(f"alike-{policy}")
    with world.connect() as conn:
        conn.execute(
            "UPDATE exams SET policy = jsonb_set(policy, '{attempts,as_certified}', %s)"
            " WHERE exam_code = %s",
            (Jsonb(policy), exam),
        )
        conn.execute(
            """INSERT INTO cohort_assignments (user_id, cohort_key, tenant_id, cohort_value)
            VALUES ('ivy', 'selector', 'demo', 'vanilla') ON CONFLICT DO NOTHING"""
        )
    quiz = ask(client, as_user("ivy", "student"), exam).json()["quiz_id"]
    assert kept(world, quiz)[0] == by
    with world.connect() as conn:
        conn.execute("DELETE FROM cohort_assignments WHERE user_id = 'ivy'")


def sittings(bank: Bank, n: int, *, restricts: bool) -> Counter[int]:
    """Sittings one after another as delivery makes them: how often each item was served."""
    rng, given = np.random.default_rng(4), Counter[int]()
    theta = rng.standard_normal(n)
    for person in range(n):
        wish = Wish("progressive_se", Filters(), LENGTH, blueprint_quota=False)
        if restricts:
            counts = {(item, 1): (count, LENGTH * person) for item, count in given.items()}
            closed = restriction.closed_to(bank, wish, counts)
            admitted = bank.admitted(wish.filters) & (bank.rank >= 0)
            wish = replace(wish, left_out=left_out(bank, wish, admitted, closed))
        given.update(deliver(bank, wish, theta[person], rng, seed=person)[0])
    return given


def test_no_rate_goes_beyond_its_cap_in_delivery(restricted, world):
    exam, _ = restricted("many")
    with world.connect() as conn:
        bank = loading.load(conn, exam)
    n = 200
    assert max(sittings(bank, n, restricts=False).values()) > (TAU + 0.1) * n
    given = sittings(bank, n, restricts=True)
    assert sum(given.values()) == LENGTH * n
    assert max(given.values()) <= TAU * n + 1
    assert len(given) == 20
