"""Judges a batch of raw rows, whole columns at a time: typed rows, and a reason for each refusal.

What never lives here: reading files and writing to the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from qbank.importing.columns import ColumnMap

LONGEST_ID = 200
_TRUE = ["1", "1.0", "true", "t", "yes", "y", "correct"]
_FALSE = ["0", "0.0", "false", "f", "no", "n", "incorrect", "wrong"]
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_INT32 = 2**31 - 1

SCHEMA = pa.schema(
    [
        ("line", pa.int64()),
        ("user_id", pa.string()),
        ("item", pa.string()),
        ("is_correct", pa.bool_()),
        ("option_label", pa.string()),
        ("time_ms", pa.int64()),
        ("answered_at", pa.timestamp("us", "UTC")),
        ("topic", pa.string()),
        ("session_key", pa.string()),
    ]
)


@dataclass(frozen=True)
class Rules:
    """What counts as right.

    Attributes:
        columns: which column means what.
        timestamp: when all was answered, for files without clock times.
        blank_correct_is_omitted: an empty `correct` is an item that was served and not answered.
        latest: answers after this are wrong.
    """

    columns: ColumnMap
    timestamp: datetime | None
    blank_correct_is_omitted: bool
    latest: datetime

    @classmethod
    def of(
        cls, columns: ColumnMap, timestamp: datetime | None, *, blank_correct_is_omitted: bool
    ) -> Rules:
        """The rules of an import that starts now."""
        latest = datetime.now(UTC) + timedelta(days=1)
        return cls(columns, timestamp, blank_correct_is_omitted, latest)


class _Verdicts:
    """The first reason against each row."""

    def __init__(self, rows: int) -> None:
        self.reasons = pa.nulls(rows, pa.string())

    def refuse(self, bad: Any, before: str, values: Any = None, after: str = "") -> None:
        """Notes ``before 'value' after`` for the rows where `bad` is true."""
        bad = pc.fill_null(bad, False)
        if not pc.any(bad).as_py():
            return
        if values is None:
            message: Any = pa.scalar(before + after)
        else:
            shown = pc.utf8_slice_codeunits(pc.fill_null(values, ""), 0, 60)
            message = pc.binary_join_element_wise(before, " '", shown, "'", after, "")
        noted = pc.if_else(bad, message, pa.scalar(None, pa.string()))
        self.reasons = pc.coalesce(self.reasons, noted)


def validate(lines: Any, table: pa.Table, rules: Rules) -> tuple[pa.Table, Any]:
    """Types a batch.

    Args:
        lines: line number of each row, shape (n,).
        table: raw columns (binary or text for CSV, the file's types for Parquet).
        rules: what counts as right.

    Returns:
        The rows of :data:`SCHEMA` (n rows, those refused too), and the reason against each row,
        null where there is none.
    """
    verdicts = _Verdicts(table.num_rows)
    raw = {
        meaning: _text(table.column(name), meaning, verdicts)
        for meaning, name in rules.columns.mapped().items()
        if not (meaning == "timestamp" and pa.types.is_temporal(table.schema.field(name).type))
    }
    for meaning in ("user", "item"):
        _identifier(raw[meaning], meaning, verdicts)
    none = pa.nulls(table.num_rows, pa.string())
    for meaning in ("topic", "session"):
        if meaning in raw:
            _length(raw[meaning], meaning, verdicts)
    at = _timestamp(table, raw, rules, verdicts)
    typed = pa.table(
        [
            pa.array(lines, pa.int64()),
            raw["user"],
            raw["item"],
            _correct(raw["correct"], rules, verdicts),
            _option(raw["option"], verdicts) if "option" in raw else none,
            _time_ms(raw["time"], rules, verdicts) if "time" in raw else none.cast(pa.int64()),
            at,
            raw.get("topic", none),
            _session_key(raw, at, rules, verdicts),
        ],
        schema=SCHEMA,
    )
    return typed, verdicts.reasons


def _text(column: Any, meaning: str, verdicts: _Verdicts) -> Any:
    """Trimmed text of a column; null where it is blank."""
    column = column.combine_chunks()
    if pa.types.is_binary(column.type):
        try:
            column = column.cast(pa.string())
        except pa.ArrowInvalid:
            values = column.to_pylist()
            decoded = [_decoded(value) for value in values]
            bad = pa.array([text is None for text in decoded])
            verdicts.refuse(bad, f"{meaning} is not UTF-8")
            column = pa.array(decoded, pa.string())
    elif not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    column = pc.utf8_trim_whitespace(column)
    verdicts.refuse(pc.match_substring(column, "\x00"), f"{meaning} has a NUL character")
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def _decoded(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _identifier(values: Any, meaning: str, verdicts: _Verdicts) -> None:
    verdicts.refuse(pc.is_null(values), f"{meaning} is empty")
    _length(values, meaning, verdicts)


def _length(values: Any, meaning: str, verdicts: _Verdicts) -> None:
    too_long = pc.greater(pc.utf8_length(values), LONGEST_ID)
    verdicts.refuse(too_long, f"{meaning}", values, f" is longer than {LONGEST_ID} characters")


def _correct(values: Any, rules: Rules, verdicts: _Verdicts) -> Any:
    lowered = pc.utf8_lower(values)
    true = pc.is_in(lowered, pa.array(_TRUE))
    known = pc.or_(true, pc.is_in(lowered, pa.array(_FALSE)))
    blank = pc.is_null(values)
    if not rules.blank_correct_is_omitted:
        verdicts.refuse(blank, "correct is empty")
    verdicts.refuse(pc.and_not(pc.invert(known), blank), "correct is", values, ": use 0 or 1")
    return pc.if_else(blank, pa.scalar(None, pa.bool_()), true)


def _option(values: Any, verdicts: _Verdicts) -> Any:
    upper = pc.utf8_upper(values)
    good = pc.match_substring_regex(upper, "^[A-Z0-9]$")
    verdicts.refuse(pc.invert(good), "option is", values, ": use one letter or digit")
    return upper


def _number(values: Any, meaning: str, verdicts: _Verdicts) -> Any:
    good = pc.match_substring_regex(values, _NUMBER)
    verdicts.refuse(pc.invert(good), f"{meaning} is", values, ": use a number")
    return pc.if_else(good, values, pa.scalar(None, pa.string())).cast(pa.float64())


def _time_ms(values: Any, rules: Rules, verdicts: _Verdicts) -> Any:
    number = _number(values, "time", verdicts)
    ms = pc.multiply(number, 1000.0 if rules.columns.time_unit == "s" else 1.0)
    verdicts.refuse(pc.less(ms, 0.0), "time is", values, ": it cannot be negative")
    too_long = pc.greater(ms, float(_INT32))
    verdicts.refuse(too_long, "time is", values, f" {rules.columns.time_unit}: longer than 24 days")
    usable = pc.and_(pc.greater_equal(ms, 0.0), pc.invert(too_long))
    return pc.round(pc.if_else(usable, ms, pa.scalar(None, pa.float64()))).cast(pa.int64())


def _timestamp(table: pa.Table, raw: dict[str, Any], rules: Rules, verdicts: _Verdicts) -> Any:
    stamp = pa.timestamp("us", "UTC")
    name = rules.columns.timestamp
    if name is None:
        at = pa.array([rules.timestamp] * 1, stamp)
        return pa.chunked_array([at]).take(pa.array([0] * table.num_rows)).combine_chunks()
    if "timestamp" in raw:
        text = raw["timestamp"]
        parsed = pd.to_datetime(text.to_pandas(), format="ISO8601", utc=True, errors="coerce")
        at = pa.Array.from_pandas(parsed.astype("datetime64[us, UTC]"), type=stamp)
    else:
        at = table.column(name).combine_chunks()
        text = at.cast(pa.string())
        if getattr(at.type, "tz", None) is None:
            at = pc.assume_timezone(at.cast(pa.timestamp("us"), safe=False), "UTC")
        at = at.cast(stamp, safe=False)
    verdicts.refuse(pc.is_null(text), "timestamp is empty")
    verdicts.refuse(pc.is_null(at), "timestamp is", text, ": use ISO 8601")
    earliest = pa.scalar(datetime(1970, 1, 2, tzinfo=UTC), stamp)
    latest = pa.scalar(rules.latest, stamp)
    verdicts.refuse(pc.less(at, earliest), "timestamp is", text, ": before 1970")
    verdicts.refuse(pc.greater(at, latest), "timestamp is", text, ": in the future")
    return at


def _session_key(raw: dict[str, Any], at: Any, rules: Rules, verdicts: _Verdicts) -> Any:
    """What tells the sittings of one user apart: session and attempt, else the day."""
    attempt = _attempt(raw["attempt"], verdicts) if "attempt" in raw else None
    if "session" in raw:
        verdicts.refuse(pc.is_null(raw["session"]), "session is empty")
        key = pc.binary_join_element_wise("s", pc.fill_null(raw["session"], ""), ":")
    elif attempt is None and rules.columns.timestamp is not None:
        day = pc.strftime(at, format="%Y-%m-%d")
        key = pc.binary_join_element_wise("d", pc.fill_null(day, ""), ":")
    else:
        key = pa.array(["all"] * len(at))
    return key if attempt is None else pc.binary_join_element_wise(key, attempt, "#")


def _attempt(values: Any, verdicts: _Verdicts) -> Any:
    number = _number(values, "attempt", verdicts)
    whole = pc.and_(pc.greater_equal(number, 1.0), pc.equal(number, pc.floor(number)))
    verdicts.refuse(
        pc.invert(pc.fill_null(whole, False)), "attempt is", values, ": count from 1 upwards"
    )
    usable = pc.and_(whole, pc.less(number, float(_INT32)))
    kept = pc.if_else(usable, number, 1.0)
    return pc.fill_null(kept, 1.0).cast(pa.int64()).cast(pa.string())
