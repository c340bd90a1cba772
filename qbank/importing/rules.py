"""What counts as right in one import, and what contradicts itself in its request.

What never lives here: judging a row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

from qbank.errors import ImportFileError
from qbank.importing.codes import Codes
from qbank.importing.columns import ColumnMap
from qbank.importing.keys import Key
from qbank.importing.points import MaxScores
from qbank.importing.quiz_reports import ReportColumns
from qbank.importing.request import ImportRequest


@dataclass(frozen=True)
class Rules:
    """What counts as right.

    Attributes:
        columns: which column means what.
        codes: special values of the score.
        timestamp: when all was answered, for files without clock times.
        timestamp_format: how a timestamp column is written, where it is not ISO 8601.
        timezone: zone of timestamps without an offset.
        sitting: name of the one sitting that all rows belong to.
        gap: a user's sitting ends where as much time passes between two answers.
        key: options are scored by it; None takes the scores of the file.
        in_force: rules that the exam has, which scores of the file are compared with.
        most: the points of items whose scores are points.
        decimals: meanings whose names are decimal numbers, see ``has_decimals``.
        latest: answers after this are wrong.
    """

    columns: ColumnMap
    codes: Codes
    timestamp: datetime | None
    timestamp_format: str | None = None
    timezone: str = "UTC"
    sitting: str | None = None
    gap: timedelta | None = None
    key: Key | None = None
    in_force: Key | None = None
    most: MaxScores = field(default_factory=lambda: MaxScores((), {}))
    decimals: frozenset[str] = frozenset()
    latest: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(days=1))


def rules_of(request: ImportRequest) -> Rules:
    """The rules of an import that starts now.

    Raises:
        ImportFileError: what is asked contradicts itself, or nothing tells when it was answered.
    """
    columns = request.columns
    if columns.timestamp is None and request.timestamp is None:
        raise ImportFileError(
            "when was this answered? name the column with --timestamp-col, or give all rows "
            "one date with --timestamp 2024-06-01"
        )
    rules = Rules(
        columns=columns,
        codes=request.codes,
        timestamp=request.timestamp,
        timestamp_format=request.timestamp_format,
        timezone=request.timezone,
        sitting=request.sitting,
        gap=request.gap,
    )
    if request.timezone not in available_timezones():
        raise ImportFileError(
            f"--timezone {request.timezone!r} is unknown: use a name like Europe/Berlin"
        )
    if request.timestamp is not None and request.timestamp > rules.latest:
        raise ImportFileError(
            f"--timestamp {request.timestamp:%Y-%m-%d} is in the future: "
            "name the day on which this was answered"
        )
    if request.sitting is not None and columns.session is not None:
        raise ImportFileError(
            f"--sitting {request.sitting!r} names one sitting, and --session-col "
            f"{columns.session!r} a column of them: give one of the two"
        )
    if request.attempts_by_order and columns.attempt is not None:
        raise ImportFileError(
            f"--attempt auto counts rows, and --attempt-col {columns.attempt!r} names a column "
            "that does: give one of the two"
        )
    if request.persons_by_row:
        _refuse_beside_persons_by_row(request)
    if request.gap is not None:
        _refuse_beside_a_gap(request)
    rules.codes.meanings()
    if request.key is not None or request.key_row is not None:
        _refuse_scores_beside_a_key(request)
    return rules


def _refuse_beside_persons_by_row(request: ImportRequest) -> None:
    if isinstance(request.columns, ReportColumns):
        raise ImportFileError(
            "--users row names persons by their rows, and the preset knows who they are:"
            " give one of the two"
        )
    if request.shape == "long":
        raise ImportFileError(
            "--users row takes each row for a person, and one of --shape long is an answer:"
            " give --shape wide, or name who answered with --user-col"
        )
    if request.key_row is not None:
        raise ImportFileError(
            f"--key-row {request.key_row!r} names a user, and --users row numbers them:"
            " take the key's row out into a file for --key"
        )


def _refuse_beside_a_gap(request: ImportRequest) -> None:
    columns = request.columns
    given = (
        ("--sitting", request.sitting),
        ("--session-col", columns.session),
        ("--attempt-col", columns.attempt),
    )
    for option, value in given:
        if value is not None:
            raise ImportFileError(
                f"--gap tells sittings apart by pauses, and {option} {value!r} in another way: "
                "give one of the two (--attempt auto counts answers within a sitting)"
            )
    if columns.timestamp is None:
        raise ImportFileError(
            "--gap needs to know when each item was answered: name the column with --timestamp-col"
        )


def _refuse_scores_beside_a_key(request: ImportRequest) -> None:
    if request.key is not None and request.key_row is not None:
        raise ImportFileError(
            f"--key {request.key} and --key-row {request.key_row!r} are two keys: give one of them"
        )
    if request.codes.scores:
        value = next(iter(request.codes.scores))
        raise ImportFileError(
            f"--score {value} says what a score is, and with a key options are scored: leave it out"
        )
    if request.shape == "long" and request.columns.option is None:
        raise ImportFileError(
            "a key scores options: name the column that has them with --option-col"
        )
