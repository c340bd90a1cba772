"""New items are fitted on the scale in force, and come into use where the exam's limits allow."""

from __future__ import annotations

from datetime import UTC, datetime
from math import nan
from typing import Any

import numpy as np
import pytest

from qbank.exams.pretest import PretestPolicy
from qbank.requests import IrtFit
from qbank.stores.item_bank import Exam
from qbank.stores.item_examinations import People
from qbank.stores.item_parameters import ItemParameters
from qbank.stores.responses import FirstAttempts
from qbank_orchestration.engine import new_items, parameters
from qbank_orchestration.engine.exposure import NothingToCalibrate
from qbank_orchestration.engine.item_gates import FALLS, POOR_FIT, WIDE_A, WIDE_B
from qbank_orchestration.engine.proposal import ParameterProposal

POLICY = PretestPolicy(slots=3, max_se_b=0.25, max_se_a=0.3, retire_after=900)


@pytest.mark.parametrize(
    ("se_a", "se_b", "model", "reason"),
    [
        (0.1, 0.1, "2pl", None),
        (0.3, 0.25, "2pl", None),
        (0.1, 0.2501, "2pl", WIDE_B),
        (0.301, 0.1, "2pl", WIDE_A),
        (0.301, 0.2501, "2pl", WIDE_B),
        (0.1, nan, "2pl", WIDE_B),
        (nan, 0.1, "2pl", WIDE_A),
        (nan, 0.1, "1pl", None),
        (0.1, 0.26, "1pl", WIDE_B),
    ],
)
def test_errors_may_be_as_large_as_the_exam_says(se_a, se_b, model, reason):
    found = new_items.short_of(POLICY, model, se_a, se_b)
    assert (found and found[0]) == reason
    if found and reason == WIDE_B and se_b == se_b:
        assert f"±{se_b:.2f}, and the exam asks for ±0.25 (pretest_max_se_b)" in found[1]


@pytest.mark.parametrize(
    ("n", "reason", "decision"),
    [
        (199, "", "stays"),
        (200, "", "promoted"),
        (200, FALLS, "stays"),
        (899, WIDE_B, "stays"),
        (900, WIDE_B, "retire"),
        (900, FALLS, "retire"),
        (900, "", "promoted"),
        (5, FALLS, "stays"),
    ],
)
def test_an_item_comes_into_use_goes_on_or_is_to_be_retired(n, reason, decision):
    assert new_items.decide(POLICY, 200, n, reason) == decision


OLD, NEW, PERSONS = 30, 6, 1500
GOOD, MISKEYED, FAR, FEW, BENT, LAST = range(OLD, OLD + NEW)


@pytest.fixture(scope="module")
def tried() -> tuple[FirstAttempts, tuple[ItemParameters, ...]]:
    """Each person has 12 published items and two of six new ones."""
    rng = np.random.default_rng(11)
    a = np.concatenate([np.exp(rng.normal(0, 0.2, OLD)), [1.0, 1.0, 0.5, 1.0, 1.0, 1.2]])
    b = np.concatenate([np.linspace(-2, 2, OLD), [0.5, 0.0, 4.5, 0.0, 0.0, -0.5]])
    # an able group on a scale that was made on others
    theta = rng.normal(0.4, 1.1, PERSONS)
    person, items = [], []
    for k in range(PERSONS):
        new = rng.choice([GOOD, MISKEYED, FAR, BENT, LAST], 2, replace=False)
        own = [*rng.choice(OLD, 12, replace=False), *new, *([FEW] if k < 40 else [])]
        items += sorted(own)
        person += [k] * len(own)
    person, items = np.array(person), np.array(items)
    p = 1 / (1 + np.exp(-1.7 * a[items] * (theta[person] - b[items])))
    p = np.where(items == MISKEYED, 1 - p, p)
    p = np.where(items == BENT, np.where(np.abs(theta[person]) < 1, 0.95, 0.25), p)
    attempts = FirstAttempts(
        person=person,
        item=items,
        correct=(rng.random(p.size) < p).astype(np.int8),
        question_id=np.arange(1, OLD + NEW + 1),
        version=np.ones(OLD + NEW, np.int64),
        persons=PERSONS,
    )
    published = tuple(
        ItemParameters(k + 1, 1, float(a[k]), float(b[k]), 0.0, 0.1, 0.1, None, 900, converged=True)
        for k in range(OLD)
    )
    return attempts, published


def exam(**pretest: Any) -> Exam:
    policy = {"pretest": pretest} if pretest else {}
    return Exam("algebra", "t", "Algebra", "2pl", 0.2, 12, policy, datetime.now(UTC))


def estimated(tried: Any, **pretest: Any) -> ParameterProposal | NothingToCalibrate:
    attempts, published = tried
    use = {(row.question_id, row.version) for row in published}
    request = IrtFit.resolve(exam(), {}, exam_code="algebra")
    people = People([{}] * PERSONS, 0)
    return parameters.estimate(
        exam(**pretest), request, attempts, published, use, {}, {}, people, lambda entry: True
    )


def test_new_items_are_fitted_alone_and_the_good_ones_proposed(tried):
    found = estimated(tried, slots=2, retire_after=590)
    assert isinstance(found, ParameterProposal)
    rows = {row.question_id - 1: row for row in new_items.read(found.as_result()["summary"])}
    assert set(rows) == {GOOD, MISKEYED, FAR, FEW, BENT, LAST}
    assert {k: row.decision for k, row in rows.items() if row.decision == "promoted"} == {
        GOOD: "promoted",
        LAST: "promoted",
    }
    assert rows[FEW].decision == "stays"
    assert rows[FEW].n == 40
    assert np.isfinite([rows[FEW].a, rows[FEW].b, rows[FEW].se_b]).all()
    # who answered many times and is bad all the same
    assert rows[MISKEYED].reason == FALLS
    assert rows[BENT].reason in (POOR_FIT, FALLS)
    assert {rows[k].decision for k in (MISKEYED, FAR, BENT)} <= {"stays", "retire"}
    for k in (MISKEYED, FAR, BENT):
        assert (rows[k].decision == "retire") == (rows[k].n >= 590)
    # on the published scale, whoever answered; nothing that is in use is proposed
    assert {row.question_id for row in found.parameters} == {GOOD + 1, LAST + 1}
    by_id = {row.question_id: row for row in found.parameters}
    assert by_id[GOOD + 1].b == pytest.approx(0.5, abs=3 * by_id[GOOD + 1].se_b)
    assert by_id[LAST + 1].b == pytest.approx(-0.5, abs=3 * by_id[LAST + 1].se_b)
    scale = found.summary["scale"]
    assert (scale["method"], scale["anchors"]) == ("fixed parameters", OLD)
    assert scale["group_mean"] == pytest.approx(0.4, abs=0.12)
    held = {one["question_id"] - 1: one for one in found.summary["held_back"]}
    assert set(held) == {MISKEYED, FAR, BENT}
    assert {k for k, one in held.items() if one["retire"]} == {
        k for k in held if rows[k].decision == "retire"
    }
    # and without slots all are fitted anew, as before
    free = estimated(tried)
    assert isinstance(free, ParameterProposal)
    assert len(free.parameters) > OLD


def test_where_no_new_item_is_known_well_the_run_says_why_and_keeps_what_it_saw(tried):
    found = estimated(tried, slots=2, max_se_b=0.001)
    assert isinstance(found, NothingToCalibrate)
    assert "none of 6 new items comes into use yet: 1 have fewer than 200" in found.reason
    assert "the exam asks for ±0.001 (pretest_max_se_b)" in found.reason
    assert {row["decision"] for row in found.summary["tried_out"]} == {"stays"}
