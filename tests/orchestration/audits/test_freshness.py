"""When data and calibrations are old, and which day is odd."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from qbank_orchestration.engine import freshness
from qbank_orchestration.engine.freshness import Aged

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


def ago(age: timedelta) -> datetime:
    return NOW - age


@pytest.mark.parametrize(
    ("age", "fine"),
    [
        (timedelta(0), True),
        (timedelta(days=7), True),
        (timedelta(days=7) + INSTANT, False),
        (timedelta(days=30), False),
    ],
)
def test_data_is_fresh_for_a_week(age: timedelta, fine: bool):
    (judged,) = freshness.data([Aged("algebra", ago(age), None)], NOW)
    assert (judged.exam_code, judged.fine) == ("algebra", fine)
    assert judged.numbers == {"days": round(age / timedelta(days=1), 2), "allowed_days": 7}


def test_ages_are_told_in_days():
    (judged,) = freshness.data([Aged("algebra", ago(timedelta(hours=31)), None)], NOW)
    assert judged.numbers["days"] == 1.29
    assert judged.why == "the newest response is 1.3 days old"


@pytest.mark.parametrize(
    ("age", "fine"),
    [
        (timedelta(0), True),
        (timedelta(days=14), True),
        (timedelta(days=14) + INSTANT, False),
        (None, False),
    ],
)
def test_a_calibration_is_fresh_for_a_fortnight(age: timedelta | None, fine: bool):
    aged = Aged("algebra", NOW, None if age is None else ago(age))
    (judged,) = freshness.calibration([aged], NOW)
    assert judged.fine == fine
    if age is None:
        assert judged.numbers == {"days": None}
        assert judged.why == "the calibration is missing"
    else:
        assert judged.numbers["allowed_days"] == 14


def test_an_exam_nobody_sat_is_neither_stale_nor_uncalibrated():
    aged = [Aged("never sat", None, None), Aged("algebra", NOW, NOW)]
    assert [j.exam_code for j in freshness.data(aged, NOW)] == ["algebra"]
    assert [j.exam_code for j in freshness.calibration(aged, NOW)] == ["algebra"]


# root counts of 100 apart by half a unit are one standard deviation of a Poisson count apart
def counts_at_z(z: float) -> float:
    return (100.375**0.5 + z / 2) ** 2 - 0.375


@pytest.mark.parametrize(
    ("z", "fine"), [(0, True), (4.99, True), (5.01, False), (-4.99, True), (-5.01, False)]
)
def test_a_day_is_odd_beyond_five_standard_deviations(z: float, fine: bool):
    judged = freshness.volume("algebra", [100] * 8 + [counts_at_z(z)])
    assert judged.fine == fine
    assert judged.numbers["robust_z"] == pytest.approx(z, abs=0.01)
    assert judged.numbers["usual"] == 100.4
    assert judged.numbers["days"] == 9


def test_the_limit_itself_is_usual(monkeypatch: pytest.MonkeyPatch):
    counts = [100] * 8 + [160]
    z = (160.375**0.5 - 100.375**0.5) / 0.5
    monkeypatch.setattr(freshness, "ODD_Z", z)
    assert freshness.volume("algebra", counts).fine
    monkeypatch.setattr(freshness, "ODD_Z", z - 1e-9)
    assert not freshness.volume("algebra", counts).fine


def test_an_exam_with_wild_days_is_judged_by_its_own_spread():
    wild = [10, 400, 50, 900, 20, 700, 100, 300]
    judged = freshness.volume("algebra", [*wild, 2000])
    # roots: median 13.675, MAD 7.869, last 44.726; (44.726 - 13.675) ÷ (1.4826 · 7.869)
    assert judged.numbers["robust_z"] == 2.66
    assert judged.fine


@pytest.mark.parametrize(("days", "judged"), [(0, False), (7, False), (8, True), (9, True)])
def test_a_young_exam_is_not_judged(days: int, judged: bool):
    counts = ([100] * 9)[:days]
    if counts:
        counts[-1] = 100_000
    found = freshness.volume("algebra", counts)
    assert found.fine is not judged
    assert found.numbers["days"] == days
    assert found.numbers["last"] == (100_000 if days else 0)
    assert ("too few" in found.why) is not judged
