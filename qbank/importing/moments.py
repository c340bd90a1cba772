"""When something was answered, and how long it took, from the ways in which files write it.

What never lives here: what becomes of a row whose moment cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from qbank.errors import ImportFileError

STAMP = pa.timestamp("us", "UTC")
EPOCHS = {"epoch": "s", "epoch_ms": "ms"}
# a year, a month and a day: less is no moment, and a bare number is a count of seconds or days
_ISO = (
    r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)? ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)?$"
    r"|^\d{8}(T\d{4}(\d{2}([.,]\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$"
)
# Moodle writes two between date and time
_BLANKS = r"[\s\p{Zs}]+"
_OFFSET = r"(?i)(Z|UTC|GMT|[T\s\p{Zs}]\d{2}:?\d{2}[\d:.,]*[\s\p{Zs}]*[+-]\d{2}(:?\d{2})?)$"
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
# 19 April 2022 7:19 PM, Mar 1, 2024: the month is a word, so nothing is ambiguous
_NAMED_MONTH = (
    rf"(?i)^(\d{{1,2}} ({_MONTHS})[a-z]*\.?,? \d{{4}}|({_MONTHS})[a-z]*\.? \d{{1,2}},? \d{{4}})"
    r"(,? \d{1,2}:\d{2}(:\d{2})?( ?[ap]m)?)?( ?(Z|UTC|GMT))?$"
)
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{2}(?:[.,]\d+)?)")
_ISO_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?)?")
_PART = r"(\d+(?:[.,]\d+)?)\s*({})\.?\s*"
_WORDS = re.compile(
    "".join(
        f"(?:{_PART.format(unit)})?"
        for unit in ("days?|d", "hours?|hrs?|h", "minutes?|mins?|m", "seconds?|secs?|s")
    ),
    re.IGNORECASE,
)


def read_moments(text: Any, form: str | None) -> Any:
    """UTC timestamps of trimmed text; null where it is none or could be several.

    Args:
        text: shape (n,).
        form: None for ISO 8601 and dates whose month is a word; ``epoch`` or ``epoch_ms``; or a
            format of ``strptime``. Without an offset it is UTC.
    """
    if form in EPOCHS:
        return _epochs(text, EPOCHS[form])
    if form is not None:
        return _parsed(
            text, lambda values: pd.to_datetime(values, format=form, utc=True, errors="coerce")
        )
    iso = pc.if_else(pc.match_substring_regex(text, _ISO), text, pa.scalar(None, pa.string()))
    at = _parsed(
        iso, lambda values: pd.to_datetime(values, format="ISO8601", utc=True, errors="coerce")
    )
    if at.null_count == text.null_count:
        return at
    left = pc.if_else(pc.is_null(at), text, pa.scalar(None, pa.string()))
    left = pc.replace_substring_regex(left, _BLANKS, " ")
    left = pc.replace_substring_regex(left, r" ?(UTC|GMT)$", "Z")
    left = pc.replace_substring_regex(left, r"^(\d{4}-\d{2}-\d{2}.*\d),(\d+)", r"\1.\2")
    readable = pc.or_(
        pc.match_substring_regex(left, _ISO), pc.match_substring_regex(left, _NAMED_MONTH)
    )
    left = pc.if_else(readable, left, pa.scalar(None, pa.string()))
    other = _parsed(
        left, lambda values: pd.to_datetime(values, format="mixed", utc=True, errors="coerce")
    )
    return pc.coalesce(at, other)


def in_zone(at: Any, text: Any, zone: str) -> Any:
    """Moments that were read as UTC, those without an offset as the local time of a zone.

    Args:
        at: what :func:`read_moments` gave, shape (n,).
        text: what it was read from.
        zone: name of the zone, like ``Europe/Berlin``; an hour that comes twice is its first.
    """
    local = pc.assume_timezone(
        at.cast(pa.timestamp("us")), zone, ambiguous="earliest", nonexistent="earliest"
    )
    exact = pc.match_substring_regex(text, _OFFSET)
    return pc.if_else(exact, at, local.cast(STAMP))


def zoned(column: Any, zone: str) -> Any:
    """Moments of a column of dates or times; those without a zone are local ones of `zone`.

    Args:
        column: of a temporal Arrow type, shape (n,).
        zone: as in :func:`in_zone`.
    """
    if getattr(column.type, "tz", None) is None:
        column = pc.assume_timezone(
            column.cast(pa.timestamp("us"), safe=False),
            zone,
            ambiguous="earliest",
            nonexistent="earliest",
        )
    return column.cast(STAMP, safe=False)


def _parsed(text: Any, parse: Callable[[pd.Series[Any]], pd.Series[Any]]) -> Any:
    parsed = parse(text.to_pandas())
    return pa.Array.from_pandas(parsed.astype("datetime64[us, UTC]"), type=STAMP)


def _epochs(text: Any, unit: str) -> Any:
    good = pc.match_substring_regex(text, _NUMBER)
    number = pc.if_else(good, text, pa.scalar(None, pa.string())).cast(pa.float64())
    micros = pc.multiply(number, 1e6 if unit == "s" else 1e3)
    inside = pc.less(pc.abs(micros), 2.0**62)
    return (
        pc.round(pc.if_else(inside, micros, pa.scalar(None, pa.float64())))
        .cast(pa.int64())
        .cast(STAMP)
    )


def read_durations(text: Any, milliseconds_a_unit: float) -> Any:
    """Milliseconds, as floats, of trimmed text; null where it is no duration.

    Args:
        text: shape (n,): a number of units, ``1:23``, ``00:01:23``, ``11 mins 24 secs``, ``PT83S``.
        milliseconds_a_unit: what a bare number counts.
    """
    good = pc.match_substring_regex(text, _NUMBER)
    number = pc.if_else(good, text, pa.scalar(None, pa.string())).cast(pa.float64())
    ms = pc.multiply(number, milliseconds_a_unit)
    left = pc.and_not(pc.invert(good), pc.is_null(text))
    if not pc.any(left).as_py():
        return ms
    words = pc.if_else(left, text, pa.scalar(None, pa.string())).dictionary_encode()
    read = pa.array(
        [_duration(word, milliseconds_a_unit) for word in words.dictionary.to_pylist()],
        pa.float64(),
    )
    return pc.coalesce(ms, read.take(words.indices))


def duration_of(text: str) -> timedelta:
    """A length of time like ``30m``, ``1h30m`` or ``00:30:00``.

    Raises:
        ImportFileError: it is none.
    """
    milliseconds = _duration(text.strip(), 1000.0)
    if milliseconds is None or milliseconds <= 0:
        raise ImportFileError(f"{text!r} is no length of time: write 30m, 1h30m or 90s")
    try:
        return timedelta(milliseconds=milliseconds)
    except OverflowError as error:
        raise ImportFileError(f"{text!r} is too long: write 30m, 1h30m or 90s") from error


def _duration(text: str, milliseconds_a_unit: float) -> float | None:
    # 1,234 may be a thousand and more, or one and a bit
    if re.fullmatch(r"[+-]?\d+,(\d{1,2}|\d{4,})", text):
        return float(text.replace(",", ".")) * milliseconds_a_unit
    parts: tuple[str | None, ...] = ()
    if found := _CLOCK.fullmatch(text):
        parts = (None, *found.groups())
    elif found := _ISO_DURATION.fullmatch(text):
        parts = found.groups()
    elif found := _WORDS.fullmatch(text):
        parts = found.groups()[::2]
    if not any(parts):
        return None
    units = (86400, 3600, 60, 1)
    seconds = sum(
        float(part.replace(",", ".")) * unit
        for part, unit in zip(parts, units, strict=True)
        if part
    )
    return seconds * 1000.0
