"""Which days a backfill covers. What never lives here: running them."""

from __future__ import annotations

from datetime import date, timedelta

from qbank.errors import RequestError

MOST_DAYS = 366


def plan(first: date, last: date) -> list[date]:
    """The days from ``first`` to ``last``, oldest first, for a day starts from the one before.

    Raises:
        RequestError: the range is empty or longer than a year.
    """
    days = (last - first).days + 1
    if days < 1:
        raise RequestError(f"--from {first} lies after --to {last}: swap them")
    if days > MOST_DAYS:
        raise RequestError(f"{first} to {last} are {days} days: give at most {MOST_DAYS}")
    return [first + timedelta(days=offset) for offset in range(days)]


def partition_key(exam_code: str, day: date) -> str:
    """Dagster's key of one exam on one day: dimensions in the order of their names."""
    return f"{day.isoformat()}|{exam_code}"
