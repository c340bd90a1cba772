"""Acceleration of a fixed-point map: SQUAREM with a monotone safeguard.

Varadhan & Roland (2008), scheme S3. Two EM maps give a direction; the extrapolated point is kept
only if its objective is not below the last one known, else the plain EM point is used: the
objective never falls.

What never lives here: anything about items or persons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from calibration.arrays import FloatArray


class Evaluated(Protocol):
    """What an evaluation must carry: the objective at the point."""

    @property
    def objective(self) -> float:
        """What is maximised."""
        ...  # pragma: no cover


Evaluation = TypeVar("Evaluation", bound=Evaluated)


@dataclass(frozen=True, eq=False)
class Maximum(Generic[Evaluation]):
    """Where the maximisation ended.

    Attributes:
        x: the point, shape (n,).
        evaluation: the evaluation at `x`.
        converged: whether the last map moved no element by more than the tolerance.
        cycles: evaluations made.
        stopped_reason: "converged", "max_cycles" or "canceled".
        step: largest move of the last map.
    """

    x: FloatArray
    evaluation: Evaluation
    converged: bool
    cycles: int
    stopped_reason: str
    step: float


class Squarem(Generic[Evaluation]):
    """Maximises an objective through its EM map."""

    def __init__(
        self,
        evaluate: Callable[[FloatArray], Evaluation],
        improve: Callable[[FloatArray, Evaluation], FloatArray],
        project: Callable[[FloatArray, FloatArray], FloatArray],
        *,
        tol: float,
        max_cycles: int,
        on_cycle: Callable[[int, float], bool | None] | None = None,
    ) -> None:
        """Takes the map in two halves.

        Args:
            evaluate: E-step at a point.
            improve: M-step from a point and its evaluation.
            project: brings an extrapolated point back into range, with an EM point as a fallback.
            tol: largest move of a map at which it has converged.
            max_cycles: most evaluations.
            on_cycle: called with (cycle, objective) after each; returning False cancels.
        """
        self._evaluate = evaluate
        self._improve = improve
        self._project = project
        self._tol = tol
        self._max_cycles = max_cycles
        self._on_cycle = on_cycle
        self._cycles = 0
        self._stopped = ""

    def _at(self, x: FloatArray) -> Evaluation:
        evaluation = self._evaluate(x)
        self._cycles += 1
        if (
            self._on_cycle is not None
            and self._on_cycle(self._cycles, evaluation.objective) is False
        ):
            self._stopped = "canceled"
        elif self._cycles >= self._max_cycles:
            self._stopped = "max_cycles"
        return evaluation

    def maximise(self, x: FloatArray) -> Maximum[Evaluation]:
        """Runs from `x` until a map moves less than the tolerance, or the cycles are used up."""
        here = self._at(x)
        while True:
            first = self._improve(x, here)
            move = _largest(first - x)
            if move <= self._tol or self._stopped:
                return self._end(x, here, move)
            at_first = self._at(first)
            second = self._improve(first, at_first)
            move = _largest(second - first)
            if move <= self._tol or self._stopped:
                return self._end(first, at_first, move)
            x, here = self._leap(x, first, second, at_first.objective)

    def _leap(
        self, start: FloatArray, first: FloatArray, second: FloatArray, floor: float
    ) -> tuple[FloatArray, Evaluation]:
        r = first - start
        v = (second - first) - r
        length = float(np.sqrt((r @ r) / max(float(v @ v), 1e-300)))
        if length > 1:
            leapt = self._project(start + 2 * length * r + length**2 * v, second)
            evaluation = self._at(leapt)
            if evaluation.objective >= floor:
                return leapt, evaluation
        return second, self._at(second)

    def _end(self, x: FloatArray, evaluation: Evaluation, move: float) -> Maximum[Evaluation]:
        converged = move <= self._tol
        reason = "converged" if converged else self._stopped
        return Maximum(x, evaluation, converged, self._cycles, reason, move)


def _largest(move: FloatArray) -> float:
    return float(np.abs(move).max(initial=0.0))
