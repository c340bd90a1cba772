"""Judges a batch of raw rows, whole columns at a time: typed rows, and a reason for each refusal.

An answer is never lost to a column that it could do without: what is unusable in the option or in
the time is left out and counted. What never lives here: reading files and writing to the database.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qbank.importing.codes import Codes, Scores, read_scores
from qbank.importing.columns import ColumnMap
from qbank.importing.keys import as_label, read_options
from qbank.importing.moments import EPOCHS, STAMP, in_zone, read_durations, read_moments, zoned
from qbank.importing.rules import Rules
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
    read = _by_key if rules.key is not None else _by_score
    scores, labels, unknown = read(raw, rules, verdicts)
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
        full_marks=_full_marks(scores, raw["item"]) if rules.codes.full_marks() else set(),
        disagreeing=_disagreeing(raw, rules, scores, labels),
        keyless=_keyless(raw, rules, scores),
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


def _by_score(
    raw: dict[str, Any], rules: Rules, verdicts: Verdicts
) -> tuple[Scores, Any, Counter[tuple[str, str]]]:
    scores = read_scores(raw["correct"], rules.codes)
    verdicts.skipped = scores.skipped
    unknown = _refuse_scores(scores, raw, rules, verdicts)
    labels = None
    if "option" in raw:
        labels = as_label(raw["option"])
        unusable = pc.and_(pc.is_null(labels), pc.is_valid(raw["option"]))
        verdicts.blank("option", unusable, raw["option"])
    return scores, labels, unknown


def _by_key(
    raw: dict[str, Any], rules: Rules, verdicts: Verdicts
) -> tuple[Scores, Any, Counter[tuple[str, str]]]:
    assert rules.key is not None  # noqa: S101
    options = raw.get("option", raw.get("correct"))
    scores, labels = read_options(raw["item"], options, rules.codes, rules.key)
    verdicts.skipped = scores.skipped
    keyless = pc.and_(pc.invert(rules.key.knows(raw["item"])), pc.is_valid(raw["item"]))
    verdicts.refuse(keyless, "item", raw["item"], " has no key", "an item has no key")
    if rules.codes.blank == "reject":
        verdicts.refuse(scores.blank, "option is empty")
    after = ": use one letter or digit, or say what it is with --multimark, --omitted or --missing"
    verdicts.refuse(scores.unknown, "option is", options, after, "option is none")
    return scores, labels, _unknown(scores, options, raw["item"])


def _keyless(raw: dict[str, Any], rules: Rules, scores: Scores) -> Counter[str]:
    if rules.key is None:
        return Counter()
    keyless = pc.and_not(pc.invert(rules.key.knows(raw["item"])), scores.skipped)
    return Counter(raw["item"].filter(keyless).drop_null().to_pylist())


def _disagreeing(raw: dict[str, Any], rules: Rules, scores: Scores, labels: Any) -> Counter[str]:
    """Rows by item whose score in the file is another one than their option has by key."""
    key, given = rules.key or rules.in_force, scores.is_correct
    if key is None or labels is None or not {"option", "correct"} <= raw.keys():
        return Counter()
    if rules.key is not None:
        given = read_scores(raw["correct"], Codes()).is_correct
    rows = key.disagrees(raw["item"], labels, given)
    return Counter(raw["item"].filter(rows).to_pylist())


def _refuse_scores(
    scores: Scores, raw: dict[str, Any], rules: Rules, verdicts: Verdicts
) -> Counter[tuple[str, str]]:
    if rules.codes.blank == "reject":
        verdicts.refuse(scores.blank, "correct is empty")
    after = ": use 0 or 1, or say what it stands for with --score, --missing or --omitted"
    verdicts.refuse(scores.unknown, "correct is", raw["correct"], after, "correct is no score")
    return _unknown(scores, raw["correct"], raw["item"])


def _unknown(scores: Scores, values: Any, items: Any) -> Counter[tuple[str, str]]:
    if not pc.any(scores.unknown).as_py():
        return Counter()
    values = values.filter(scores.unknown).to_pylist()
    items = pc.fill_null(items, "").filter(scores.unknown).to_pylist()
    return Counter(zip((value[:60] for value in values), items, strict=True))


def _full_marks(scores: Scores, items: Any) -> set[tuple[str, str]]:
    right = pa.table({"item": items, "score": scores.plain}).filter(scores.is_correct)
    pairs = right.group_by(["item", "score"]).aggregate([]).to_pylist()
    return {(pair["item"], pair["score"]) for pair in pairs}


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
