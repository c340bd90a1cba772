"""A result that was told stays: what it was computed from is kept with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import psycopg
import pytest

import calibration as cal
from calibration import cat
from qbank.postgres import connect
from qbank.stores import item_parameters, runs
from tests.delivery_api.test_quizzes import answer, make_quiz

FIGURES = ("correct", "theta", "theta_se", "theta_interval", "scored_under", "items")


@pytest.fixture
def recalibrate(world):
    """Publishes other parameters of ``core`` as a night does; returns the run."""

    def publish() -> str:
        with world.connect() as conn:
            run = runs.create(conn, kind="irt", exam_code="core", params={}, requested_by="t")
            rng = np.random.default_rng(int(run.id) % 2**32)
            rows = [
                replace(
                    row,
                    a=row.a * rng.uniform(0.6, 1.5),
                    b=row.b + rng.normal(0.5, 0.3),
                    scaling_constant=(1.7, 1.0)[k % 2],
                )
                for k, row in enumerate(item_parameters.in_force(conn, "core", "2pl"))
            ]
            assert item_parameters.publish(conn, "core", "2pl", rows, run_id=run.id) == len(rows)
        return str(run.id)

    return publish


def work(client: Any, headers: dict[str, str], quiz: str, count: int) -> None:
    for k in range(count):
        item = client.get(f"/v1/quizzes/{quiz}/next", headers=headers).json()["question_id"]
        assert answer(client, headers, quiz, item, "AB"[k % 2]).status_code == 200


def look(client: Any, headers: dict[str, str], quiz: str) -> dict[str, Any]:
    state = client.get(f"/v1/quizzes/{quiz}", headers=headers).json()
    return {name: state[name] for name in FIGURES}


def recomputed(figures: dict[str, Any]) -> tuple[float, float]:
    """θ̂ and its standard error from nothing but what the result says it was computed from."""
    items = [item for item in figures["items"] if item["correct"] is not None]
    a, b, c = (np.array([item[name] for item in items]) for name in "abc")
    bank = cat.RankedBank.of(cal.ItemBank(a, b, c, D=figures["scored_under"]["scale"]))
    found = cat.ability(bank, list(range(len(items))), [item["correct"] for item in items])
    return found.theta, found.sd


@pytest.mark.parametrize("mode", ["exam", "tutor"])
@pytest.mark.parametrize("answered", [5, 3])
def test_a_finished_quiz_is_the_same_after_a_calibration(
    client, as_user, recalibrate, mode, answered
):
    run, ann = recalibrate(), as_user(f"ann-{mode}-{answered}", "student")
    quiz = make_quiz(client, ann, filters={"mode": mode})["quiz_id"]
    work(client, ann, quiz, answered)
    finished = client.post(f"/v1/quizzes/{quiz}/finish", headers=ann).json()
    before = look(client, ann, quiz)
    assert before["scored_under"]["run_ids"] == [run]
    assert {item["run_id"] for item in before["items"]} == {run}
    for _ in range(2):
        recalibrate()
        assert look(client, ann, quiz) == before
        assert client.post(f"/v1/quizzes/{quiz}/finish", headers=ann).json() == finished
    assert recomputed(before) == pytest.approx((before["theta"], before["theta_se"]))


def test_an_expired_quiz_is_the_same_after_a_calibration(client, as_user, recalibrate, world):
    recalibrate()
    ben = as_user("ben-late", "student")
    quiz = make_quiz(client, ben, filters={"mode": "exam"})["quiz_id"]
    work(client, ben, quiz, 3)
    with world.connect() as conn:
        conn.execute(
            """UPDATE quiz_sessions SET started_at = now() - interval '2 hours',
                expires_at = now() - interval '1 hour' WHERE id = %s""",
            (quiz,),
        )
    before = look(client, ben, quiz)
    assert (before["correct"], before["theta_se"] > 0) == (2, True)
    recalibrate()
    assert look(client, ben, quiz) == before
    assert recomputed(before) == pytest.approx((before["theta"], before["theta_se"]))


def test_parameters_published_in_the_middle_score_the_whole_quiz(client, as_user, recalibrate):
    """The process that answers still has the old bank: what is kept must be what was used."""
    recalibrate()
    cat_ = as_user("cat-between", "student")
    quiz = make_quiz(client, cat_, filters={"mode": "exam"})["quiz_id"]
    work(client, cat_, quiz, 4)
    item = client.get(f"/v1/quizzes/{quiz}/next", headers=cat_).json()["question_id"]
    run = recalibrate()
    answer(client, cat_, quiz, item)
    sealed = look(client, cat_, quiz)
    assert sealed["scored_under"]["run_ids"] == [run]
    assert recomputed(sealed) == pytest.approx((sealed["theta"], sealed["theta_se"]))


def test_a_quiz_sealed_before_results_were_kept_keeps_its_theta(client, as_user, world):
    dan = as_user("dan-old", "student")
    quiz = make_quiz(client, dan)["quiz_id"]
    work(client, dan, quiz, 2)
    with world.connect() as conn:
        conn.execute(
            """UPDATE quiz_sessions SET sealed_at = now(), theta = 0.125, theta_se = 0.5
            WHERE id = %s""",
            (quiz,),
        )
    state = look(client, dan, quiz)
    assert (state["correct"], state["theta"], state["theta_se"]) == (1, 0.125, 0.5)
    assert state["scored_under"] == {
        "model": "2pl",
        "scale": None,
        "bank_version": None,
        "run_ids": [],
    }


def test_nobody_changes_a_result_or_sees_another_tenants(client, as_user, world):
    eve = as_user("eve-sealed", "student")
    quiz = make_quiz(client, eve)["quiz_id"]
    work(client, eve, quiz, 5)
    with connect("delivery", settings=world.settings) as conn:
        for tenant, rows in (("demo", 1), ("other", 0)):
            conn.execute("SELECT set_config('qbank.tenant_id', %s, false)", (tenant,))
            found = conn.execute("SELECT FROM quiz_results WHERE quiz_id = %s", (quiz,))
            assert found.rowcount == rows
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("UPDATE quiz_results SET theta = 3")
        conn.rollback()
    with world.connect() as conn, pytest.raises(psycopg.errors.IntegrityError, match="append-only"):
        conn.execute("UPDATE quiz_results SET theta = 3 WHERE quiz_id = %s", (quiz,))
