"""Rate limits of one process: how often one caller may do one thing.

The generic cell rate algorithm (ITU-T I.371): one time stamp a caller, no history. With N processes
each admits an N-th of the rate, so a caller whose requests are spread evenly meets the limit set.

What never lives here: who the caller is.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from delivery_api.problems import ProblemError

_MAX_CALLERS = 100_000


class RateLimit:
    """At most ``per_minute`` calls of one caller, a quarter of a minute's worth at once.

    Raises:
        ProblemError: 429 with ``Retry-After`` from :meth:`admit`.
    """

    def __init__(
        self,
        what: str,
        per_minute: float,
        *,
        processes: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._interval_s = 60.0 * processes / per_minute
        self._tolerance_s = max(15.0, self._interval_s)
        self._next: dict[str, float] = {}
        self._clock = clock

    def admit(self, caller: str) -> None:
        """Counts one call of ``caller``, or refuses it."""
        now = self._clock()
        due = max(self._next.get(caller, 0.0), now)
        if due - now > self._tolerance_s:
            wait = int(due - now - self._tolerance_s) + 1
            raise ProblemError(
                429,
                "too-many-requests",
                f"too many {self._what}: wait {wait} s",
                {"Retry-After": str(wait)},
            )
        if len(self._next) >= _MAX_CALLERS:
            self._next = {key: at for key, at in self._next.items() if at > now}
        self._next[caller] = due + self._interval_s
