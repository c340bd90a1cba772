"""Planted leaks, looked for every night: how soon they are found, and who is accused beside them.

What never lives here: what an item's other statistics say (``fairness``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.table import Table

import calibration as cal
from bench.measure import table
from calibration.significance import false_discovery_q
from qbank_orchestration.engine.compromise import COMPROMISED_Q

ITEMS, LENGTH, A_NIGHT, NIGHTS, LEAK_NIGHT = 300, 30, 300, 30, 12
LEAKED = 10
QUICKER = 0.5  # log time: who knows the answer takes 0.6 of the time


@dataclass(frozen=True, eq=False)
class Sittings:
    """Everything that happened, in the order of persons.

    Attributes:
        bank: the items' true parameters.
        item, correct, time: of each answer, shape (N, L).
    """

    bank: cal.ItemBank
    item: npt.NDArray[np.int64]
    correct: npt.NDArray[np.int64]
    time: npt.NDArray[np.float64]

    @classmethod
    def simulated(cls, seed: int, share: float) -> Sittings:
        """Items drawn for each person; `share` of persons know the leaked ones after the leak."""
        rng = np.random.default_rng(seed)
        persons = A_NIGHT * NIGHTS
        a, b = np.exp(rng.normal(0, 0.3, ITEMS)), rng.normal(0, 1, ITEMS)
        item = np.argsort(rng.random((persons, ITEMS)), axis=1)[:, :LENGTH]
        theta, speed = rng.normal(size=(persons, 1)), rng.normal(0, 0.3, (persons, 1))
        p = 0.2 + 0.8 / (1 + np.exp(-1.7 * a[item] * (theta - b[item])))
        knows = (item < LEAKED) & (rng.random((persons, 1)) < share)
        knows[: LEAK_NIGHT * A_NIGHT] = False
        correct = (knows | (rng.random(item.shape) < p)).astype(np.int64)
        log_time = rng.normal(4, 0.4, ITEMS)[item] - speed + rng.normal(0, 0.5, item.shape)
        bank = cal.ItemBank(a, b, np.full(ITEMS, 0.2), D=1.7)
        return cls(bank, item, correct, np.exp(log_time - QUICKER * knows))

    def judged(self, night: int, *, timed: bool) -> tuple[cal.Compromise, npt.NDArray[np.bool_]]:
        """What the night finds of all answers so far, and the items that it names."""
        persons = night * A_NIGHT
        person = np.repeat(np.arange(persons), LENGTH)
        found = cal.compromise(
            self.bank,
            person,
            self.item[:persons].ravel(),
            self.correct[:persons].ravel(),
            person,
            time=self.time[:persons].ravel() if timed else None,
        )
        q = np.ones(ITEMS)
        q[found.testable] = false_discovery_q(found.p_value[found.testable])
        return found, q < COMPROMISED_Q


def run(*, quick: bool = False) -> Table:
    """Leaks found, lag in answers to the item, error of the moment, items accused for nothing."""
    seeds = range(2) if quick else range(8)
    made = table(
        f"{LEAKED} of {ITEMS} items leaked after night {LEAK_NIGHT} of {NIGHTS}, judged nightly:"
        f" {A_NIGHT} sittings of {LENGTH} items a night, {len(seeds)} seeds",
        "who knows them", "times", "found", "answers until then", "moment off by (answers)",
        "others ever accused",
    )  # fmt: skip
    for share in (0.0, 0.1, 0.2, 0.4):
        for timed in (True, False):
            figures = [_followed(Sittings.simulated(seed, share), timed=timed) for seed in seeds]
            lags = [lag for found, _, _ in figures for lag in found]
            errors = [error for _, off, _ in figures for error in off]
            others = sum(accused for _, _, accused in figures) / len(seeds)
            made.add_row(
                f"{share:.0%} of persons" if share else "nobody",
                "known" if timed else "unknown",
                f"{len(lags) / LEAKED / len(seeds):.0%}" if share else "–",
                f"{np.median(lags):,.0f}" if lags and share else "–",
                f"{np.median(errors):,.0f}" if errors and share else "–",
                f"{others / (ITEMS - LEAKED):.2%}",
            )
    return made


def _followed(sittings: Sittings, *, timed: bool) -> tuple[list[int], list[int], int]:
    """Of each leaked item found: answers until then, error of the moment; others accused."""
    leak = LEAK_NIGHT * A_NIGHT
    given = [np.flatnonzero((sittings.item == j).any(axis=1)) for j in range(LEAKED)]
    lag: dict[int, int] = {}
    off: dict[int, int] = {}
    accused: set[int] = set()
    for night in range(2, NIGHTS + 1):
        found, named = sittings.judged(night, timed=timed)
        for j in np.flatnonzero(named).tolist():
            if j >= LEAKED or night <= LEAK_NIGHT:
                accused.add(j)
            elif j not in lag:
                lag[j] = int(((given[j] >= leak) & (given[j] < night * A_NIGHT)).sum())
                low, high = sorted((leak, int(found.since[j])))
                off[j] = int(((given[j] >= low) & (given[j] < high)).sum())
    return list(lag.values()), list(off.values()), len(accused - set(range(LEAKED)))
