"""The banks and responses that the benchmarks run on, from formulas and seeds.

What never lives here: measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, expit, ndtri
from scipy.stats.qmc import Halton

from calibration import ItemBank


def reference_bank(
    items: int, scaling: float = 1.7, topic: npt.ArrayLike | None = None
) -> ItemBank:
    """Van der Corput sequences in 2, 3 and 5 as b normal, a lognormal, c Beta(5, 17)."""
    two, three, five = Halton(3, scramble=False).fast_forward(1).random(items).T
    return ItemBank(
        np.exp(0.3 * ndtri(three)), ndtri(two), betaincinv(5, 17, five), topic, D=scaling
    )


@dataclass(frozen=True, eq=False)
class Responses:
    """Long-form responses with the truth they were drawn from (metric D = 1).

    Attributes:
        person: shape (M,).
        item: shape (M,).
        correct: shape (M,).
        a: planted discriminations, shape (J,).
        b: planted difficulties, shape (J,).
        c: planted lower asymptotes, shape (J,).
        persons: N.
    """

    person: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    correct: npt.NDArray[np.int8]
    a: npt.NDArray[np.float64]
    b: npt.NDArray[np.float64]
    c: npt.NDArray[np.float64]
    persons: int

    def matrix(self) -> npt.NDArray[np.int64]:
        """Persons × items; only for complete designs."""
        return self.correct.reshape(self.persons, -1).astype(np.int64)


def responses(
    persons: int,
    items: int,
    per_person: int | None = None,
    *,
    guessing: bool = False,
    seed: int = 1,
) -> Responses:
    """Draws answers of θ ~ N(0,1) to all items, or to `per_person` items taken evenly at random."""
    rng = np.random.default_rng(seed)
    a = rng.lognormal(0.2, 0.25, items)
    b = rng.normal(0, 1, items)
    c = rng.beta(5, 17, items) if guessing else np.zeros(items)
    theta = rng.normal(size=persons)
    item: npt.NDArray[np.int64]
    if per_person is None:
        item = np.tile(np.arange(items), persons)
    else:
        # a random start and a step coprime to the number of items: distinct items, any size
        start = rng.integers(0, items, (persons, 1))
        steps = np.arange(1, items)
        step = rng.choice(steps[np.gcd(steps, items) == 1], (persons, 1))
        item = ((start + step * np.arange(per_person)) % items).ravel().astype(np.int64)
    person = np.repeat(np.arange(persons), per_person or items)
    p = c[item] + (1 - c[item]) * expit(a[item] * (theta[person] - b[item]))
    correct = (rng.random(item.size) < p).astype(np.int8)
    return Responses(person, item, correct, a, b, c, persons)
