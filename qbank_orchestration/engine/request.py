"""What a Sympson–Hetter calibration is asked to do: parameters, their defaults and their limits.

The names are those of the API, the command line and the run config. What never lives here: the
calibration itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from qbank.errors import QbankError
from qbank.stores.item_bank import Exam


class RequestError(QbankError):
    """A request parameter is unknown or out of its range."""


@dataclass(frozen=True)
class CalibrationRequest:
    """Request parameters of a Sympson–Hetter calibration.

    Attributes:
        exam_code: the exam whose live pool is calibrated.
        tau: target maximum exposure rate, in (0, 1].
        test_len: items in one administration.
        n: simulated examinees per iteration.
        iters: largest number of iterations; the search stops early when it converged.
        alpha: exponent of the update, in (0, 1]; smaller is gentler.
        theta_dist: ability distribution, e.g. "normal(0,1)" or "normal0,1".
        floor: smallest sh_p.
        ceil: largest sh_p.
        seed: decides every draw; None derives it from the input, so that the same input gives the
            same answer.
        topic_tau: own cap of some topics, by topic id, blueprint code or name.
        topic_weights: shares of tau for some topics, named alike.
        dry_run: stop before publishing.
    """

    exam_code: str
    tau: float
    test_len: int
    n: int = 10_000
    iters: int = 25
    alpha: float = 1.0
    theta_dist: str = "normal(0,1)"
    floor: float = 0.02
    ceil: float = 1.0
    seed: int | None = None
    topic_tau: Mapping[str, float] | None = None
    topic_weights: Mapping[str, float] | None = None
    dry_run: bool = False

    @classmethod
    def of(cls, exam: Exam, params: Mapping[str, Any]) -> Self:
        """Reads parameters; what they leave out comes from the exam, then from the defaults.

        Raises:
            RequestError: names the parameter, its value and what is allowed.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(params) - known)
        if unknown:
            raise RequestError(
                f"request parameter {unknown[0]!r} is unknown: use {', '.join(sorted(known))}"
            )
        given = {name: value for name, value in params.items() if value is not None}
        if given.get("exam_code", exam.exam_code) != exam.exam_code:
            raise RequestError(f"exam_code {given['exam_code']!r} is not {exam.exam_code!r}")
        named = ("topic_tau", "topic_weights", "theta_dist", "floor", "ceil", "n", "iters", "alpha")
        policy = {name: exam.policy[name] for name in named if exam.policy.get(name) is not None}
        values: dict[str, Any] = {"exam_code": exam.exam_code, "tau": exam.tau}
        values |= {"test_len": exam.test_length} | policy | given
        request = cls(**values)
        _check(request)
        return request

    def params(self) -> dict[str, Any]:
        """The request as a JSON object."""
        return asdict(self)

    def seeded(self, input_fingerprint: str) -> Self:
        """The same request with a seed: its own, or one that follows from the input."""
        if self.seed is not None:
            return self
        text = json.dumps([input_fingerprint, self.params()], sort_keys=True)
        return replace(self, seed=int(hashlib.sha256(text.encode()).hexdigest()[:12], 16))


def _check(request: CalibrationRequest) -> None:
    """Refuses what is wrong on its face; caps against the pool are judged by the calibration."""
    for name, allowed in _RANGES.items():
        value = getattr(request, name)
        low, high, kind = allowed
        if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
            raise RequestError(f"{name} is {value!r}: give a number from {low:g} to {high:g}")
    if request.tau == 0 or request.alpha == 0:
        raise RequestError(f"tau is {request.tau} and alpha {request.alpha}: give values above 0")
    if request.floor > request.ceil:
        raise RequestError(f"floor {request.floor} lies above ceil {request.ceil}: swap them")
    for name in ("topic_tau", "topic_weights"):
        _check_topics(name, getattr(request, name))


def _check_topics(name: str, given: Any) -> None:
    if given is None:
        return
    if not isinstance(given, Mapping):
        raise RequestError(f"{name} is {given!r}: give a mapping from topic to number")
    for topic, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise RequestError(f"{name} of topic {topic!r} is {value!r}: give a number above 0")


_RANGES: dict[str, tuple[float, float, type | tuple[type, ...]]] = {
    "tau": (0, 1, (int, float)),
    "test_len": (1, 1000, int),
    "n": (1, 1_000_000, int),
    "iters": (1, 1000, int),
    "alpha": (0, 1, (int, float)),
    "floor": (0, 1, (int, float)),
    "ceil": (0, 1, (int, float)),
}
