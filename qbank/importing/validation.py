"""Judges a batch of raw rows, whole columns at a time: typed rows, and a reason for each refusal.

An answer is never lost to a column that it could do without: what is unusable in the option or in
the time is left out and counted. What never lives here: scores (``scored_rows``), reading files,
and writing to the database.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qbank.importing.columns import ColumnMap
from qbank.importing.keys import codes_among
from qbank.importing.moments import EPOCHS, STAMP, in_zone, read_durations, read_moments, zoned
from qbank.importing.points import points_text
from qbank.importing.rules import Rules
from qbank.importing.scored_rows import (
    by_key,
    by_score,
    disagreeing,
    full_marks,
    keyless,
    most_points,
)
from qbank.importing.text import has_decimals, identifier_faults, plain_text, without_decimals
from qbank.importing.verdicts import Judged, Verdicts

LONGEST_ID = 200
_INT32 = 2**31 - 1
_WHOLE = r"^\+?0*([1-9]\d*)(?:\.0*)?$"

SCHEMA = pa.schema(
    [
        ("line", pa.int64()),
        ("user_id", pa.string()),
        ("item", pa.string()),
        ("is_correct", pa.bool_()),
        ("option_label", pa.string()),
        ("time_ms", pa.int64()),
        ("answered_at", STAMP),
        ("topic", pa.string()),
        ("session_key", pa.string()),
        ("score", pa.string()),
        ("max_score", pa.string()),
    ]
)


def decimals_in(table: pa.Table, columns: ColumnMap) -> frozenset[str]:
    """Which of user and item have decimal numbers for names, by the first rows of a file."""
    named = columns.mapped()
    return frozenset(
        meaning
        for meaning in ("user", "item")
        if has_decimals(plain_text(table.column(named[meaning])).text)
    )


def validate(lines: Any, table: pa.Table, rules: Rules) -> Judged:
    """Types a batch.

    Args:
        lines: line number of each row, shape (n,).
        table: raw columns (binary or text for CSV, the file's types for Parquet).
        rules: what counts as right.
    """
    verdicts = Verdicts(table.num_rows)
    raw = _raw(table, rules, verdicts)
    for meaning in ("user", "item"):
        _identifier(raw[meaning], meaning, verdicts)
    none = pa.nulls(table.num_rows, pa.string())
    for meaning in ("topic", "session"):
        if meaning in raw:
            _length(raw[meaning], meaning, verdicts)
    read = by_key if rules.key is not None else by_score
    most = most_points(raw, rules, verdicts)
    scores, labels, unknown = read(raw, rules, verdicts, most)
    at = _timestamp(table, raw, rules, verdicts)
    typed = pa.table(
        [
            pa.array(lines, pa.int64()),
            raw["user"],
            raw["item"],
            scores.is_correct,
            labels if labels is not None else none,
            _time_ms(table, raw, rules, verdicts) if "time" in raw else none.cast(pa.int64()),
            at,
            raw.get("topic", none),
            _session_key(raw, at, rules, verdicts),
            points_text(scores.points),
            points_text(scores.most),
        ],
        schema=SCHEMA,
    )
    return Judged(
        rows=typed,
        reasons=verdicts.reasons,
        skipped=pc.and_(scores.skipped, pc.is_null(verdicts.reasons)),
        kinds=verdicts.kinds,
        codes=Counter(scores.counts),
        blanked=verdicts.blanked,
        unknown_scores=unknown,
        changed=verdicts.changed,
        full_marks=full_marks(scores, raw["item"]) if rules.codes.full_marks() else set(),
        disagreeing=disagreeing(raw, rules, scores, labels),
        keyless=keyless(raw, rules, scores, most),
        option_codes=codes_among(labels) if labels is not None else Counter(),
    )


def _raw(table: pa.Table, rules: Rules, verdicts: Verdicts) -> dict[str, Any]:
    """Trimmed text by meaning; null where it is blank, and where its bytes are no text."""
    raw = {}
    for meaning, name in rules.columns.mapped().items():
        column = plain_text(table.column(name))
        if meaning == "time" or (meaning == "option" and rules.key is None):
            verdicts.blank(meaning, column.faulty, pc.if_else(column.faulty, "not UTF-8", ""))
        else:
            verdicts.refuse(column.faulty, f"{meaning} is {column.fault}")
        raw[meaning] = column.text
        verdicts.changed += column.changed
        if meaning in ("user", "item") and meaning not in rules.decimals:
            raw[meaning] = without_decimals(column.text, verdicts.changed)
    return raw


def _identifier(values: Any, meaning: str, verdicts: Verdicts) -> None:
    verdicts.refuse(pc.is_null(values), f"{meaning} is empty")
    _length(values, meaning, verdicts)
    for bad, fault in identifier_faults(values):
        verdicts.refuse(bad, meaning, values, f" {fault}")


def _length(values: Any, meaning: str, verdicts: Verdicts) -> None:
    too_long = pc.greater(pc.utf8_length(values), LONGEST_ID)
    verdicts.refuse(too_long, f"{meaning}", values, f" is longer than {LONGEST_ID} characters")


def _time_ms(table: pa.Table, raw: dict[str, Any], rules: Rules, verdicts: Verdicts) -> Any:
    text, unit = raw["time"], 1000.0 if rules.columns.time_unit == "s" else 1.0
    column = table.column(rules.columns.time)
    if pa.types.is_duration(column.type) or pa.types.is_time(column.type):
        # such a column has a unit of its own
        ms = pc.cast(column.combine_chunks(), pa.int64()).cast(pa.float64())
        ms = pc.multiply(ms, {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}[column.type.unit])
    else:
        ms = read_durations(text, unit)
    usable = pc.fill_null(
        pc.and_(pc.greater_equal(ms, 0.0), pc.less_equal(ms, float(_INT32))), fill_value=False
    )
    verdicts.blank("time", pc.and_not(pc.invert(usable), pc.is_null(text)), text)
    return pc.round(pc.if_else(usable, ms, pa.scalar(None, pa.float64()))).cast(pa.int64())


def _timestamp(table: pa.Table, raw: dict[str, Any], rules: Rules, verdicts: Verdicts) -> Any:
    name = rules.columns.timestamp
    if name is None:
        once = pa.array([rules.timestamp], STAMP)
        return once.take(pa.array(np.zeros(table.num_rows, np.int32)))
    text = raw["timestamp"]
    if pa.types.is_temporal(table.schema.field(name).type):
        at = zoned(table.column(name).combine_chunks(), rules.timezone)
    else:
        at = read_moments(text, rules.timestamp_format)
        if rules.timezone != "UTC" and rules.timestamp_format not in EPOCHS:
            at = in_zone(at, text, rules.timezone)
    verdicts.refuse(pc.is_null(text), "timestamp is empty")
    after = ": use ISO 8601, or say how it is written with --timestamp-format"
    if rules.timestamp_format is not None:
        after = f": it is not written as {rules.timestamp_format}"
    verdicts.refuse(pc.is_null(at), "timestamp is", text, after, "timestamp cannot be read")
    earliest = pa.scalar(datetime(1970, 1, 2, tzinfo=UTC), STAMP)
    latest = pa.scalar(rules.latest, STAMP)
    before, after = ": before 1970", ": in the future"
    verdicts.refuse(pc.less(at, earliest), "timestamp is", text, before, "timestamp before 1970")
    verdicts.refuse(pc.greater(at, latest), "timestamp is", text, after, "timestamp in the future")
    return at


def _session_key(raw: dict[str, Any], at: Any, rules: Rules, verdicts: Verdicts) -> Any:
    """What tells the sittings of one user apart: session and attempt, else the day.

    Pauses are found when all rows are there.
    """
    attempt = _attempt(raw["attempt"], verdicts) if "attempt" in raw else None
    if rules.sitting is not None:
        key: Any = pa.array([f"n{rules.sitting}:"] * len(at), pa.string())
    elif "session" in raw:
        verdicts.refuse(pc.is_null(raw["session"]), "session is empty")
        key = pc.binary_join_element_wise("s", pc.fill_null(raw["session"], ""), ":")
    elif rules.columns.timestamp is None:
        key = pa.array([sitting_of_day(rules.timestamp)] * len(at), pa.string())
    elif rules.gap is not None:
        key = pa.array(["g"] * len(at), pa.string())
    elif attempt is None:
        local = at.cast(pa.timestamp("us", rules.timezone))
        day = pc.strftime(local, format="%Y-%m-%d")
        key = pc.binary_join_element_wise("d", pc.fill_null(day, ""), ":")
    else:
        key = pa.array(["all"] * len(at), pa.string())
    return key if attempt is None else pc.binary_join_element_wise(key, attempt, "#")


def sitting_of_day(timestamp: datetime | None) -> str:
    """The key of a sitting whose rows have no clock times, without its attempt."""
    assert timestamp is not None  # noqa: S101
    return f"on{timestamp.astimezone(UTC):%Y-%m-%d}"


def _attempt(values: Any, verdicts: Verdicts) -> Any:
    whole = pc.fill_null(pc.match_substring_regex(values, _WHOLE), fill_value=False)
    after = ": count from 1 upwards"
    verdicts.refuse(pc.invert(whole), "attempt is", values, after, "attempt is no number")
    number = pc.replace_substring_regex(pc.if_else(whole, values, "1"), _WHOLE, r"\1")
    return number
