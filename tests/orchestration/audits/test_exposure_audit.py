"""Each gate on exposure proposals: what passes, what fails, and the limit between them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from qbank_orchestration.engine import audit
from qbank_orchestration.engine.finding import Finding
from tests.orchestration.audits.examples import ITEMS, TEST_LENGTH, exposure, pool


def judged(finding: Finding, check: str, *, passed: bool, blocking: bool) -> None:
    assert (finding.check, finding.passed, finding.blocking) == (check, passed, blocking)


@pytest.mark.parametrize(
    ("value", "passed"),
    [
        (0.0, True),
        (1.0, True),
        (None, True),
        (0.5, True),
        (-1e-12, False),
        (1 + 1e-12, False),
        (1.3, False),
        (math.nan, False),
        (math.inf, False),
        (-math.inf, False),
    ],
)
def test_sh_p_is_a_probability(value: float | None, passed: bool):
    finding = audit.sh_p_in_range(exposure(sh_p=(1.0, value, 1.0)))
    judged(finding, "sh_p_in_range", passed=passed, blocking=True)
    assert finding.numbers["items"] == 3
    assert finding.numbers["out_of_range"] == (0 if passed else 1)
    if not passed:
        assert (finding.numbers["question_id"], finding.numbers["version"]) == (2, 1)
        assert finding.numbers["sh_p"] is value
        assert "1 of 3" in finding.summary


def test_the_first_of_several_impossible_values_is_named():
    finding = audit.sh_p_in_range(exposure(sh_p=(1.0, 2.0, 3.0)))
    assert (finding.numbers["out_of_range"], finding.numbers["sh_p"]) == (2, 2.0)


@pytest.mark.parametrize(
    ("items", "passed", "missing", "twice"),
    [
        ((1, 2, 3, 4, 5, 6), True, 0, 0),
        ((1, 2, 3, 4, 5), False, 1, 0),
        ((1, 2, 3, 4, 5, 6, 6), False, 0, 1),
        ((1, 2, 3, 4, 5, 5), False, 1, 1),
        ((1, 2, 3, 4, 5, 6, 7), True, 0, 0),  # of an item that was retired meanwhile
        ((), False, 6, 0),
    ],
)
def test_each_live_item_is_covered_once(
    items: tuple[int, ...], passed: bool, missing: int, twice: int
):
    finding = audit.live_items_covered(exposure(items=items), pool())
    judged(finding, "live_items_covered", passed=passed, blocking=True)
    assert finding.numbers == {"live": ITEMS, "missing": missing, "named_twice": twice}
    assert f"{ITEMS - missing} of {ITEMS} " in finding.summary


def test_an_item_without_parameters_need_not_be_covered():
    finding = audit.live_items_covered(exposure(items=(1, 2, 3, 4)), pool(uncalibrated=2))
    judged(finding, "live_items_covered", passed=True, blocking=True)
    assert finding.numbers["live"] == 4


def test_the_pool_is_the_one_that_was_calibrated():
    judged(audit.pool_unchanged(exposure(), pool()), "pool_unchanged", passed=True, blocking=True)
    changed = audit.pool_unchanged(exposure(), pool(policy={"selector": "shadow"}))
    judged(changed, "pool_unchanged", passed=False, blocking=True)
    assert "calibrate again" in changed.summary
    assert changed.numbers["calibrated"] != changed.numbers["now"]


@pytest.mark.parametrize(
    ("over", "passed"),
    [(0.0, True), (-0.1, True), (0.01, True), (0.0100001, False), (0.5, False), (None, False)],
)
def test_the_certificate_stays_within_the_tolerance(over: float | None, passed: bool):
    certificate = {"max_over_upper": over, "max_exposure": 0.3, "max_exposure_upper": 0.31}
    finding = audit.exposure_bound(exposure(certificate=certificate))
    judged(finding, "exposure_bound", passed=passed, blocking=True)
    assert finding.numbers == certificate | {"tolerance": 0.01}
    assert ("unknown" in finding.summary) == (over is None)


def test_a_proposal_without_a_certificate_is_not_bounded():
    judged(
        audit.exposure_bound(exposure(certificate={})),
        "exposure_bound",
        passed=False,
        blocking=True,
    )


@pytest.mark.parametrize(
    ("sh_p", "passed"),
    [
        ((1.0,) * (TEST_LENGTH + 1), True),
        ((1.0,) * TEST_LENGTH, True),
        ((1.0,) * (TEST_LENGTH - 1), False),
        ((0.999999, *(1.0,) * (TEST_LENGTH - 1)), False),
        ((None, *(1.0,) * (TEST_LENGTH - 1)), True),  # without a control nothing holds it back
    ],
)
def test_a_whole_test_is_never_held_back(sh_p: tuple[float | None, ...], passed: bool):
    finding = audit.test_can_be_completed(exposure(sh_p=sh_p))
    judged(finding, "test_can_be_completed", passed=passed, blocking=True)
    assert finding.numbers["test_len"] == TEST_LENGTH
    assert finding.numbers["items_free"] == sum(k is None or k == 1 for k in sh_p)


@pytest.mark.parametrize("converged", [True, False])
def test_a_search_that_did_not_converge_is_told(converged: bool):
    finding = audit.search_converged(exposure(converged=converged, max_over=0.02, noise=None))
    judged(finding, "search_converged", passed=converged, blocking=False)
    assert finding.numbers == {
        "converged": converged, "iterations": 4, "max_over": 0.02, "noise": None
    }  # fmt: skip
    assert "largest excess 0.0200, noise unknown" in finding.summary


@pytest.mark.parametrize(("without", "passed"), [(0, True), (1, False), (ITEMS, False)])
def test_items_without_parameters_are_told(without: int, passed: bool):
    finding = audit.all_items_calibrated(pool(uncalibrated=without))
    judged(finding, "all_items_calibrated", passed=passed, blocking=False)
    assert finding.numbers == {"live": ITEMS, "without_parameters": without}


@pytest.mark.parametrize(
    ("rate", "impossible"),
    [
        ([0.0, 0.5, 1.0], 0),
        ([0.5, 1 + 1e-12], 1),
        ([0.5, -1e-12], 1),
        ([math.nan, 2.0, 0.1], 2),
        ([], 0),
    ],
)
def test_rates_are_shares_of_the_sessions(rate: list[float], impossible: int):
    finding = audit.rates_are_possible(exposure(rate=rate))
    judged(finding, "rates_are_possible", passed=impossible == 0, blocking=True)
    assert finding.numbers == {"rates": len(rate), "impossible": impossible}


@pytest.mark.parametrize(
    ("sessions", "enough", "passed"), [(51, 50, True), (50, 50, True), (49, 50, False)]
)
def test_a_window_with_few_sessions_is_told(sessions: int, enough: int, passed: bool):
    finding = audit.enough_sessions(exposure(sessions=sessions, enough_sessions=enough))
    judged(finding, "enough_sessions", passed=passed, blocking=False)
    assert finding.numbers == {"sessions": sessions, "enough": enough}


def bare(**summary: Any):
    """A proposal whose summary says nothing more than what is given."""
    proposal = exposure()
    return type(proposal)(**(vars(proposal) | {"summary": summary}))


def test_what_a_proposal_does_not_say_is_none():
    assert audit.enough_sessions(bare()).numbers == {"sessions": 0, "enough": 0}
    assert audit.enough_sessions(bare()).passed
    assert not audit.enough_sessions(bare(enough_sessions=1)).passed
    assert audit.rates_are_possible(bare()).numbers == {"rates": 0, "impossible": 0}
    assert audit.search_converged(
        bare(converged=True, iterations=1, stopped_reason="budget")
    ).summary.endswith("largest excess unknown, noise unknown")
