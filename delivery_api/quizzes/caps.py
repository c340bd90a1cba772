"""Items that reached their daily cap, as far as this process has noticed.

Postgres counts and refuses; what is kept here only spares the next request the same refusal.
What never lives here: the count itself.
"""

from __future__ import annotations

from datetime import UTC, date, datetime


class DailyCaps:
    """The capped items of today (UTC), by exam."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._capped: dict[str, set[int]] = {}

    def of(self, exam_code: str) -> set[int]:
        """Question ids that are to be served today only where nothing else is left."""
        today = datetime.now(UTC).date()
        if today != self._day:
            self._day = today
            self._capped = {}
        return self._capped.setdefault(exam_code, set())
