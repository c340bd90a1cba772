"""Leaked items are found, and when; what only looks like a leak is not."""

from __future__ import annotations

import numpy as np
import pytest

import calibration as cal
from calibration import InvalidResponsesError
from calibration.significance import false_discovery_q

ITEMS, PERSONS, LENGTH = 120, 4000, 20
SINCE = 2500  # person from whom on they are known to some


class Exam:
    """Persons one after the other, each with items drawn for them, answers and times.

    What leaks is three rather hard items: easy ones everybody knows anyhow.
    """

    def __init__(self, seed: int, *, knowing: float = 0.0, quicker: float = 0.6, rise: float = 0.0):
        random = np.random.default_rng(seed)
        a, b = np.exp(random.normal(0, 0.25, ITEMS)), random.normal(0, 1, ITEMS)
        self.leaked = np.argsort(np.abs(b - 0.7))[:3]
        self.bank = cal.ItemBank(a, b, np.full(ITEMS, 0.2), D=1.7)
        self.item = np.argsort(random.random((PERSONS, ITEMS)), axis=1)[:, :LENGTH]
        late = np.arange(PERSONS) >= SINCE
        theta = random.normal(size=PERSONS) + rise * late
        p = 0.2 + 0.8 / (1 + np.exp(-1.7 * a[self.item] * (theta[:, None] - b[self.item])))
        knows = late[:, None] & np.isin(self.item, self.leaked)
        knows &= random.random((PERSONS, LENGTH)) < knowing
        self.correct = (knows | (random.random((PERSONS, LENGTH)) < p)).astype(int)
        speed = random.normal(0, 0.3, (PERSONS, 1))
        log_time = 4 + random.normal(0, 0.4, ITEMS)[self.item] - speed
        log_time += random.normal(0, 0.5, (PERSONS, LENGTH)) - quicker * knows
        self.time = np.exp(log_time)

    def found(self, *, timed: bool = True, bank: cal.ItemBank | None = None) -> cal.Compromise:
        person = np.repeat(np.arange(PERSONS), LENGTH)
        return cal.compromise(
            bank or self.bank,
            person,
            self.item.ravel(),
            self.correct.ravel(),
            person * 1_000_000,
            time=self.time.ravel() if timed else None,
        )


@pytest.mark.parametrize("timed", [True, False], ids=["with times", "without"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_leaked_items_are_found_and_since_when(seed: int, timed: bool):
    """Known to four in ten from one moment on, who then answer it in about half of the time."""
    exam = Exam(seed, knowing=0.4)
    found, leaked = exam.found(timed=timed), exam.leaked
    assert (false_discovery_q(found.p_value)[leaked] < 0.01).all()
    assert (found.shift[leaked] > 0.3).all()
    assert (np.abs(found.since[leaked] / 1e6 - SINCE) < 0.1 * PERSONS).all()
    if timed:
        assert (found.slowness[leaked] < -0.2).all()
    else:
        assert np.isnan(found.slowness).all()


@pytest.mark.parametrize(
    ("rise", "worse", "timed"),
    [(0.0, 0.0, True), (0.8, 0.0, True), (0.0, 0.4, True), (0.0, 0.0, False)],
    ids=["no change", "abler persons", "wrong parameters", "no times"],
)
def test_what_was_not_leaked_is_not_accused(rise: float, worse: float, timed: bool):
    """At a level of 5 % few of 600 items, where persons get abler or every b is wrong alike."""
    below = []
    for seed in range(5):
        exam = Exam(seed, rise=rise)
        bank = cal.ItemBank(exam.bank.a, exam.bank.b + worse, exam.bank.c, D=1.7)
        below.append(exam.found(timed=timed, bank=bank).p_value < 0.05)
    assert np.mean(below) < 0.06


def test_by_hand():
    """A person each, one item whose curve is a coin: forty wrong, then forty right."""
    bank = cal.ItemBank([1e-9, 1e-9], [0.0, 0.0], [0.0, 0.0], D=1.0)
    when = np.arange(80) + 1000
    x = np.arange(80) >= 40
    mixed = np.random.default_rng(1).permutation(80)
    found = cal.compromise(bank, np.arange(80)[mixed], [0] * 80, x[mixed], when[mixed])
    # 20 above what is expected, of a variance of 80 · ¼ · ½ · ½
    assert found.z[0] == pytest.approx(20 / np.sqrt(5), rel=1e-6)
    assert found.shift[0] == pytest.approx(4, rel=1e-6)
    assert (found.since[0], found.n[0], found.n_since[0]) == (1040, 80, 40)
    assert found.p_value[0] < 1e-6
    assert found.testable.tolist() == [True, False]
    assert found.p_value[1] == 1
    # harder from then on is no leak; all at one moment has no before
    assert cal.compromise(bank, range(80), [0] * 80, ~x, when).z[0] < 1.5
    assert not cal.compromise(bank, range(80), [0] * 80, x, [7] * 80).testable[0]
    assert not cal.compromise(bank, range(80), [0] * 80, x, when, min_n=41).testable[0]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"when": [1.5, 2.5]}, "when has shape"),
        ({"when": [1]}, r"give \(2,\) whole numbers"),
        ({"when": [1, 2], "time": [3.0, 0.0]}, r"time\[1\] is 0"),
        ({"when": [1, 2], "time": [3.0]}, "time is"),
    ],
)
def test_moments_and_times_are_checked(more: dict[str, list[float]], words: str):
    bank = cal.ItemBank([1.0], [0.0], [0.0], D=1.0)
    with pytest.raises(InvalidResponsesError, match=words):
        cal.compromise(bank, [0, 1], [0, 0], [1, 0], **more)
