"""New items that sittings try out: answers until they are known, by who is given which.

What never lives here: scored items, and the delivery API under load (``delivery``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from rich.table import Table

import calibration as cal
from bench.measure import table
from calibration.cat import correlation_of_errors
from delivery_api.quizzes.pretest import Candidates, Gains

OPERATIONAL, FORM, NEW, SLOTS = 100, 15, 40, 3
A_NIGHT = 50
ENOUGH, SHARE = 0.25, 0.95
FEWEST = 30
PRIOR = (0.0, 1.0)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Night:
    """What is known of the new items after a night.

    Attributes:
        fit: of all items so far; None before there was one.
        correlation: of the errors of a and b of new items.
    """

    fit: cal.FitResult | None
    correlation: Floats

    def gains(self) -> Gains:
        """What an answer adds to each item that has an estimate."""
        if self.fit is None:
            return Gains.of([], [], *PRIOR)
        fit = self.fit
        known = [k for k in range(NEW) if fit.estimated[OPERATIONAL + k]]
        return Gains.of(known, [self._row(fit, k) for k in known], *PRIOR)

    def _row(self, fit: cal.FitResult, k: int) -> dict[str, float]:
        at = OPERATIONAL + k
        return {
            "a": fit.a[at],
            "b": fit.b[at],
            "c": fit.c[at],
            "se_a": fit.se_a[at],
            "se_b": fit.se_b[at],
            "correlation": self.correlation[k],
            "scaling_constant": fit.D,
        }


def run(*, quick: bool = False) -> Table:
    """Mean answers to new items, over seeds, and as a share of random seeding."""
    seeds = (1, 2) if quick else (1, 2, 3, 4, 5, 6)
    rules = {
        "random": _random,
        "equal shares": lambda night, given: Candidates(range(NEW), given),
        "restricted D-optimal at θ̂": lambda night, given: Candidates(
            range(NEW), given, night.gains()
        ),
    }
    made = table(
        f"answers until {SHARE:.0%} of {NEW} new items have SE(b) ≤ {ENOUGH}: {SLOTS} slots,"
        f" {A_NIGHT} sittings a night, {len(seeds)} seeds",
        "seeding", "answers", "least", "most", "ratio",
    )  # fmt: skip
    usual = 0.0
    for name, rule in rules.items():
        found = [_answers(seed, rule) for seed in seeds]
        usual = usual or float(np.mean(found))
        made.add_row(
            name, f"{np.mean(found):,.0f}", f"{min(found):,}", f"{max(found):,}",
            f"{np.mean(found) / usual:.2f}",
        )  # fmt: skip
    return made


class _Random(Candidates):
    """Any item, however often it was given."""

    def gave(self, item: int, count: int) -> None:
        """Counts nothing."""


def _random(night: Night, given: list[int]) -> Candidates:
    return _Random(range(NEW), [0] * NEW)


def _answers(seed: int, rule: Callable[[Night, list[int]], Candidates]) -> int:
    """Answers to new items until enough of them are known."""
    rng = np.random.default_rng(seed)
    a = np.exp(rng.normal(0, 0.3, OPERATIONAL + NEW))
    b = rng.normal(0, 1, OPERATIONAL + NEW)
    bank = cal.ItemBank(a[:OPERATIONAL], b[:OPERATIONAL], np.zeros(OPERATIONAL))
    fixed = cal.KnownItems(np.arange(OPERATIONAL), a[:OPERATIONAL], b[:OPERATIONAL])
    rows: list[tuple[int, int, int]] = []
    given, done = [0] * NEW, np.zeros(NEW, bool)
    night, persons = Night(None, np.zeros(NEW)), 0
    while done.mean() < SHARE:
        pool = rule(night, given)
        theta = rng.normal(size=A_NIGHT)
        form = np.argsort(rng.random((A_NIGHT, OPERATIONAL)), axis=1)[:, :FORM]
        right = rng.random(form.shape) < _probability(a[form], b[form], theta[:, None])
        who = np.repeat(np.arange(A_NIGHT), FORM)
        estimated = cal.eap(bank, who, form.ravel(), right.ravel().astype(int)).theta
        for k in range(A_NIGHT):
            rows += [(persons + k, int(j), int(r)) for j, r in zip(form[k], right[k], strict=True)]
            met: set[int] = set()
            for position in range(SLOTS):
                out = met | set(np.flatnonzero(done).tolist())
                item = pool.choose(
                    seed * 1_000_003 + persons + k,
                    position + 2,
                    float(estimated[k]),
                    partial(_is_left, out),
                )
                if item is None:
                    continue
                met.add(item)
                given[item] += 1
                pool.gave(item, given[item])
                at = OPERATIONAL + item
                answer = rng.random() < _probability(a[at], b[at], theta[k])
                rows.append((persons + k, at, int(answer)))
        persons += A_NIGHT
        night = _fitted(rows, fixed)
        assert night.fit is not None
        new = slice(OPERATIONAL, None)
        done |= night.fit.estimated[new] & (night.fit.se_b[new] <= ENOUGH)
    return sum(given)


def _is_left(out: set[int], item: int) -> bool:
    return item not in out


def _fitted(rows: list[tuple[int, int, int]], fixed: cal.KnownItems) -> Night:
    person, item, correct = np.array(rows).T
    fit = cal.fit(
        person, item, correct, fixed=fixed, min_n=FEWEST, node_check=False,
        item_count=OPERATIONAL + NEW,
    )  # fmt: skip
    ability = cal.eap(fit.bank(), person, item, correct).theta
    new = item >= OPERATIONAL
    together = correlation_of_errors(
        fit.bank().only(np.arange(OPERATIONAL, OPERATIONAL + NEW)),
        item[new] - OPERATIONAL,
        ability[person[new]],
    )
    return Night(fit, together)


def _probability(a: npt.ArrayLike, b: npt.ArrayLike, theta: npt.ArrayLike) -> Floats:
    return np.asarray(1 / (1 + np.exp(-1.7 * np.asarray(a) * (np.asarray(theta) - b))))
