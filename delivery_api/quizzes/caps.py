"""Items that reached their daily cap, as far as this process has noticed.

Postgres counts and refuses; what is kept here only spares the next request the same refusal.
What never lives here: the count itself.
"""

from __future__ import annotations

from datetime import UTC, date, datetime


class DailyCaps:
    """The capped items of today (UTC), by exam.

    Attributes:
        limit: servings of one item of one exam in a day.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._day: date | None = None
        self._capped: dict[str, set[int]] = {}

    def of(self, exam_code: str) -> set[int]:
        """Question ids that are not to be served today."""
        today = datetime.now(UTC).date()
        if today != self._day:
            self._day = today
            self._capped = {}
        return self._capped.setdefault(exam_code, set())
