"""Rate limits: how often one caller may do one thing, and what a reply says of it.

The generic cell rate algorithm (ITU-T I.371): one time stamp a caller, no history. With N processes
each admits an N-th of the rate, so a caller whose requests are spread evenly meets the limit set.
What a person makes and is served is counted in Postgres besides, for all processes alike
(``quizzes.creation``, ``quizzes.serving``). Headers: draft-ietf-httpapi-ratelimit-headers-10.

What never lives here: who the caller is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Literal

from fastapi import Request

from delivery_api.problems import ProblemError
from delivery_api.settings import ApiSettings
from delivery_api.tokens import Principal

_MAX_CALLERS = 100_000
_MINUTE_S = 60.0


def headers(what: str, per_minute: int, left: int, until_s: float) -> dict[str, str]:
    """What a reply says of a limit: quota, what is left of it, seconds until there is more."""
    return {
        "RateLimit-Policy": f'"{what}";q={per_minute};w={_MINUTE_S:.0f}',
        "RateLimit": f'"{what}";r={max(left, 0)};t={max(math.ceil(until_s), 0)}',
    }


def too_many(what: str, per_minute: int, wait_s: float) -> ProblemError:
    """429, with when to come again."""
    wait = max(math.ceil(wait_s), 1)
    return ProblemError(
        429,
        "too-many-requests",
        f"too many {what}: wait {wait} s",
        {"Retry-After": str(wait)} | headers(what, per_minute, 0, wait),
    )


def address_of(request: Request) -> str:
    """Whom a limit counts before anybody is signed in: the address that asks."""
    return request.client.host if request.client else "unknown"


class RateLimit:
    """At most ``per_minute`` calls of one caller, ``burst_s`` seconds' worth (or two) at once."""

    def __init__(
        self,
        what: str,
        per_minute: int,
        *,
        processes: int = 1,
        burst_s: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._per_minute = per_minute
        self._interval_s = _MINUTE_S * processes / per_minute
        self._tolerance_s = max(burst_s - self._interval_s, self._interval_s)
        self._next: dict[str, float] = {}
        self._clock = clock

    def admit(self, caller: str) -> dict[str, str]:
        """Counts one call of ``caller``; returns the headers of its reply.

        Raises:
            ProblemError: 429 with ``Retry-After``.
        """
        now = self._clock()
        due = max(self._next.get(caller, 0.0), now)
        ahead = due - now
        if ahead > self._tolerance_s:
            raise too_many(self._what, self._per_minute, ahead - self._tolerance_s)
        if len(self._next) >= _MAX_CALLERS:
            self._next = {key: at for key, at in self._next.items() if at > now}
        self._next[caller] = due + self._interval_s
        left = int((self._tolerance_s - ahead) / self._interval_s)
        return headers(self._what, self._per_minute, left, 0 if left else self._interval_s)


QuizStep = Literal["quizzes", "items", "answers", "events"]


class QuizLimits:
    """How often a person may make quizzes, ask for items and answer, and a tenant all of these."""

    def __init__(self, api: ApiSettings) -> None:
        rates: dict[QuizStep, int] = {
            "quizzes": api.quiz_rate_per_minute,
            "items": api.item_rate_per_minute,
            "answers": api.answer_rate_per_minute,
            # one to an answer, or so
            "events": api.answer_rate_per_minute,
        }
        self._steps = {
            step: RateLimit(step, rate, processes=api.api_workers, burst_s=_MINUTE_S)
            for step, rate in rates.items()
        }
        self._tenants = RateLimit(
            "requests of your tenant", api.tenant_rate_per_minute, processes=api.api_workers
        )

    def admit(self, step: QuizStep, caller: Principal) -> dict[str, str]:
        """Counts one step of the caller; returns the headers of its reply.

        Raises:
            ProblemError: 429 with ``Retry-After``.
        """
        of_reply = self._steps[step].admit(f"{caller.tenant_id}\x1f{caller.user_id}")
        self._tenants.admit(caller.tenant_id)
        return of_reply
