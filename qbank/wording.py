"""How messages name many things, and repeat an error. What never lives here: a message."""

from __future__ import annotations

from collections.abc import Sequence


def listed(texts: Sequence[str], most: int, separator: str = ", ") -> str:
    """The first of them, and how many there are beside: ``a, b, c and 4 more``."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return f"{separator.join(texts[:most])}{more}"


def one_line(error: BaseException) -> str:
    """What an error says, where a log or a terminal has a line for it."""
    return " ".join(str(error).split())
