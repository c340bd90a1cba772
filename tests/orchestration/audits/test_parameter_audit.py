"""Each gate on proposed item parameters: what passes, what fails, and the limit between them."""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, replace

import pytest

from qbank_orchestration.engine import audit_parameters as audit
from qbank_orchestration.engine.item_gates import FALLS, REASONS
from qbank_orchestration.engine.new_items import TriedOut
from tests.orchestration.audits.examples import ITEMS, item, parameters, pool, published
from tests.orchestration.audits.test_exposure_audit import judged


@pytest.mark.parametrize(
    ("named", "value", "passed"),
    [
        ("a", 0.05, True),
        ("a", 0.0499, False),
        ("a", 5.0, True),
        ("a", 5.01, False),
        ("b", 8.0, True),
        ("b", 8.01, False),
        ("b", -8.0, True),
        ("b", -8.01, False),
        ("c", 0.0, True),
        ("c", -1e-12, False),
        ("c", 0.6, True),
        ("c", 0.601, False),
        *((name, value, False) for name in "abc" for value in (math.nan, math.inf, -math.inf)),
    ],
)
def test_parameters_lie_where_an_item_can_have_them(named: str, value: float, passed: bool):
    rows = (item(1), item(2, **{named: value}), item(3))
    finding = audit.parameters_in_bounds(parameters(rows))
    judged(finding, "parameters_in_bounds", passed=passed, blocking=True)
    assert (finding.numbers["items"], finding.numbers["out_of_bounds"]) == (3, int(not passed))
    if not passed:
        assert finding.numbers["question_id"] == 2
        assert finding.numbers[named] is value
        assert "1 of 3 items lie outside, the first is question 2 v1" in finding.summary


def test_the_first_of_several_implausible_items_is_named():
    finding = audit.parameters_in_bounds(parameters((item(1), item(2, a=9), item(3, a=7))))
    assert (finding.numbers["question_id"], finding.numbers["out_of_bounds"]) == (2, 2)


@pytest.mark.parametrize("converged", [True, False])
def test_a_fit_on_its_way_is_not_published(converged: bool):
    finding = audit.fit_converged(parameters(converged=converged))
    judged(finding, "fit_converged", passed=converged, blocking=True)
    assert finding.numbers == {"converged": converged, "cycles": 9}


def moved(*b: float):
    """Proposed difficulties of the first items, in order."""
    return parameters(tuple(item(q, b=value) for q, value in enumerate(b, 1)))


@pytest.mark.parametrize(
    ("shift", "passed"),
    [(0.0, True), (0.25, True), (-0.25, True), (0.3125, False), (-0.3125, False)],
)
def test_difficulties_may_not_move_together(shift: float, passed: bool):
    finding = audit.drift_bounded(moved(*(row.b + shift for row in published())), published())
    judged(finding, "drift_bounded", passed=passed, blocking=True)
    assert finding.numbers["compared"] == ITEMS
    assert finding.numbers["median_shift"] == pytest.approx(shift)
    assert finding.numbers["correlation"] == pytest.approx(1)


def test_the_largest_shift_that_is_allowed():
    before = tuple(item(q, b=0.0) for q in (1, 2, 3))
    assert audit.drift_bounded(moved(0.3, 0.3, 0.3), before).passed
    assert not audit.drift_bounded(moved(0.3, 0.30000001, 0.31), before).passed
    assert audit.drift_bounded(moved(-0.3, -0.3, -0.3), before).passed


# of (-s, 0, s) with (-s, t, s) the correlation is 1 / sqrt(1 + t² / 3 s²): 0.8 at t = 1.299 s
@pytest.mark.parametrize(
    ("t", "passed"), [(0.3, True), (0.389, True), (0.391, False), (0.9, False)]
)
def test_difficulties_must_rank_alike(t: float, passed: bool):
    before = tuple(item(q, b=b) for q, b in enumerate((-0.3, 0.0, 0.3), 1))
    finding = audit.drift_bounded(moved(-0.3, t, 0.3), before)
    judged(finding, "drift_bounded", passed=passed, blocking=True)
    assert finding.numbers["median_shift"] == 0
    assert (finding.numbers["correlation"] >= 0.8) == passed


def test_the_least_correlation_that_is_allowed(monkeypatch: pytest.MonkeyPatch):
    before, after = published(), moved(-1.4, -1.1, -0.4, -0.1, 0.6, 0.9)
    found = audit.drift_bounded(after, before).numbers["correlation"]
    monkeypatch.setattr(audit, "DRIFT_CORRELATION", found)
    assert audit.drift_bounded(after, before).passed
    monkeypatch.setattr(audit, "DRIFT_CORRELATION", math.nextafter(found, 2))
    assert not audit.drift_bounded(after, before).passed


@pytest.mark.parametrize(("common", "compared"), [(0, None), (2, None), (3, 3)])
def test_three_common_items_can_be_compared(common: int, compared: int | None):
    reversed_ = moved(*(-row.b for row in published()))
    before = published()[:common]
    finding = audit.drift_bounded(reversed_, before)
    judged(finding, "drift_bounded", passed=compared is None, blocking=True)
    assert finding.numbers["compared"] == common
    assert ("nothing to compare" in finding.summary) == (compared is None)


def test_another_version_is_another_item():
    before = tuple(item(q, b=5, version=2) for q in range(1, ITEMS + 1))
    finding = audit.drift_bounded(parameters(), before)
    assert (finding.passed, finding.numbers["compared"]) == (True, 0)


@pytest.mark.parametrize("flat", ["before", "after"])
def test_difficulties_without_spread_have_no_correlation_to_miss(flat: str):
    level, spread = (0.0, 0.0, 0.0), (-0.1, 0.0, 0.1)
    before, after = (level, spread) if flat == "before" else (spread, level)
    rows = tuple(item(q, b=b) for q, b in enumerate(before, 1))
    finding = audit.drift_bounded(moved(*after), rows)
    assert (finding.passed, finding.numbers["correlation"]) == (True, 1.0)


@pytest.mark.parametrize(
    ("compared", "drifted", "passed"),
    [(20, 1, True), (20, 2, False), (100, 5, True), (100, 6, False), (0, 0, True), (0, 1, False)],
)
def test_few_items_drift(compared: int, drifted: int, passed: bool):
    scale = {"compared": compared, "drifted": drifted, "dropped": 3}
    finding = audit.few_items_drifted(parameters(scale=scale))
    judged(finding, "few_items_drifted", passed=passed, blocking=False)
    assert finding.numbers == {"compared": compared, "drifted": drifted, "dropped_anchors": 3}


@pytest.mark.parametrize("scale", [{}, None])
def test_a_first_calibration_drifts_from_nothing(scale: dict[str, int] | None):
    finding = audit.few_items_drifted(parameters(scale=scale))
    assert finding.passed
    assert finding.numbers == {"compared": 0, "drifted": 0, "dropped_anchors": 0}
    assert not audit.few_items_drifted(parameters(scale={"drifted": 1})).passed


@pytest.mark.parametrize(
    ("proposed", "held", "without"), [(6, 0, 0), (0, 6, 0), (3, 6, 0), (5, 0, 1), (0, 0, 6)]
)
def test_live_items_without_parameters_are_told(proposed: int, held: int, without: int):
    finding = audit.live_items_have_parameters(
        parameters(published()[:proposed]), pool(), published()[:held]
    )
    judged(finding, "live_items_have_parameters", passed=without == 0, blocking=False)
    assert finding.numbers == {"live": ITEMS, "without": without}
    assert f"{ITEMS - without} of {ITEMS} " in finding.summary
    assert ("held back" in finding.summary) == (without > 0)


@pytest.mark.parametrize("count", [0, 1, 5, 6])
def test_estimates_that_are_held_back_are_named_with_what_to_do(count: int):
    held = [
        {"question_id": 50 + n, "version": 2, "reason": reason, "n": 300, "p_value": 0.21, "z": -3}
        for n, reason in zip(range(count), itertools.cycle(REASONS), strict=False)
    ]
    finding = audit.estimates_fit_for_use(parameters(published()[:3], held_back=held))
    judged(finding, "estimates_fit_for_use", passed=count == 0, blocking=False)
    assert (finding.numbers["held_back"], finding.numbers["estimated"]) == (count, 3 + count)
    assert sum(finding.numbers.get(reason, 0) for reason in REASONS) == count
    assert finding.summary.endswith(" and 1 more") == (count == 6)
    assert (" more" in finding.summary) == (count == 6)
    assert finding.summary.count("question") == min(count, 5)
    if count:
        why = REASONS["all_incorrect"]
        assert (
            f"question 50 v2 (300 answers, 21% right): {why.means}; {why.remedy}" in finding.summary
        )


def test_a_proposal_of_an_earlier_version_holds_nothing_back():
    assert audit.estimates_fit_for_use(parameters()).passed


TRIED = TriedOut(1, 1, 250, 1.0, 0.0, 0.0, 0.3, 0.25, "promoted")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (TRIED, ""),
        (replace(TRIED, n=200), ""),
        (replace(TRIED, n=199), "question 1 v1: 199 of 200 first attempts"),
        (replace(TRIED, se_b=0.26), "question 1 v1: it is new, its b is known to ±0.26"),
        (replace(TRIED, se_a=0.31), "question 1 v1: it is new, its a is known to ±0.31"),
        (replace(TRIED, reason=FALLS), f"question 1 v1: {FALLS}"),
    ],
)
def test_a_new_item_that_is_short_of_what_the_exam_asks_is_not_published(row: TriedOut, said: str):
    others = [
        replace(TRIED, question_id=8, se_b=2.0, decision="retire"),
        replace(TRIED, question_id=9, n=40, decision="stays"),
    ]
    kept = [asdict(one) for one in (row, *others)]
    finding = audit.new_items_known_well(
        parameters((item(1), item(2)), tried_out=kept), pool(policy={"pretest": {"slots": 2}})
    )
    judged(finding, "new_items_known_well", passed=not said, blocking=True)
    told = f"1 of 1 new items may not come into use: {said}" if said else "1 of 3 new items come"
    assert told in finding.summary
    assert ("1 are to be retired" in finding.summary) == (not said)
    expected = {"tried_out": 3, "promoted": 1, "retire": 1, "short": int(bool(said))}
    assert finding.numbers == expected
    tighter = pool(policy={"pretest": {"slots": 2, "max_se_a": 0.29}})
    assert not audit.new_items_known_well(parameters((item(1),), tried_out=kept), tighter).passed


def test_where_nothing_is_tried_out_nothing_is_asked_of_new_items():
    finding = audit.new_items_known_well(parameters((item(1),)), pool())
    judged(finding, "new_items_known_well", passed=True, blocking=True)
    assert finding.summary == "0 of 0 new items come into use"
