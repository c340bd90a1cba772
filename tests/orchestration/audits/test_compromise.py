"""A leaked item is named in the examination, with its moment; without moments nothing is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import calibration as cal
from qbank.stores.item_examinations import Fit
from qbank_orchestration.engine import compromise
from qbank_orchestration.engine.answers import Answers

PERSONS, ITEMS, SINCE = 1500, 12, 900
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def answers() -> Answers:
    """A form that a person takes every minute; its fourth item is known to all from one on."""
    rng = np.random.default_rng(8)
    b = np.linspace(-1.5, 1.5, ITEMS)
    bank = cal.ItemBank(np.ones(ITEMS), b, np.zeros(ITEMS), D=1.7)
    right = rng.random((PERSONS, ITEMS)) < 1 / (
        1 + np.exp(-1.7 * (rng.normal(size=(PERSONS, 1)) - b))
    )
    right[SINCE:, 7] |= rng.random(PERSONS - SINCE) < 0.5
    person, item = np.divmod(np.arange(right.size), ITEMS)
    minutes = BEGAN.timestamp() * 1e6 + person * 60e6
    return Answers(
        bank=bank,
        question_id=np.arange(ITEMS) + 100,
        version=np.ones(ITEMS, np.int64),
        person=person,
        item=item,
        correct=right.ravel().astype(np.int8),
        attempted_at=minutes.astype(np.int64),
    )


def test_a_leaked_item_is_named_with_its_moment(answers: Answers):
    rows = compromise.compromised(answers)
    leaked = rows[7]
    assert [at for at, row in enumerate(rows) if row["is_compromised"]] == [7]
    assert abs(leaked["compromised_since"] - (BEGAN + timedelta(minutes=SINCE))) < timedelta(
        hours=3
    )
    assert leaked["n_since"] == pytest.approx(PERSONS - SINCE, abs=180)
    assert leaked["shift_since"] > 0.5
    assert leaked["slowness_since"] is None  # no times are known
    assert all(row["change_q"] > compromise.COMPROMISED_Q for row in rows if row is not leaked)
    assert all(row["compromised_since"] is None for row in rows if row is not leaked)
    finding = compromise.none_compromised(
        [_fit(at, row) for at, row in enumerate(rows)], {107: "Q7"}
    )
    assert (finding.passed, finding.blocking) == (False, False)
    assert finding.summary.startswith("easier and faster than before: item Q7 since 2026-03-01 1")
    assert finding.numbers == {"compromised": 1, "judged": ITEMS}


def test_without_moments_nothing_is_known(answers: Answers):
    rows = compromise.compromised(replace(answers, attempted_at=None))
    assert [row["change_q"] for row in rows] == [None] * ITEMS
    finding = compromise.none_compromised([_fit(at, row) for at, row in enumerate(rows)], {})
    assert finding.passed
    assert finding.summary.startswith("none of 0 items")


def _fit(at: int, row: object) -> Fit:
    other = ("shape_p", "shape_q", "s_x2", "s_x2_df", "s_x2_p", "q3")
    none = dict.fromkeys((*other, "dependent_question_id", "dependent_version"))
    return Fit(100 + at, 1, PERSONS, 1.0, 1.0, 0.01, is_poor=False, **none, **row)
