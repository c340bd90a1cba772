"""An import as it is asked for by name, on the command line or over the API, as it is carried out.

What never lives here: what may be asked (``qbank.requests.imports``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from qbank.errors import ImportFileError
from qbank.importing.codes import Codes
from qbank.importing.columns import ColumnMap, preset
from qbank.importing.exam import NewExam
from qbank.importing.moments import duration_of
from qbank.importing.points import number_of_points
from qbank.importing.questions import ItemsRequest
from qbank.importing.request import ImportRequest
from qbank.requests.imports import ItemsImport, ResponsesImport


def responses_request(
    asked: ResponsesImport,
    path: Path,
    exam_code: str,
    *,
    key: Path | None = None,
    rejects: Path | None = None,
    tenant: str | None = None,
    actor: str | None = None,
) -> ImportRequest:
    """The import of a file of responses.

    Raises:
        ImportFileError: an option cannot be read.
    """
    layout = preset(asked.preset) if asked.preset else ColumnMap()
    layout = replace(layout, groups=tuple((name, name) for name in dict.fromkeys(asked.group_col)))
    new = NewExam(asked.title, asked.irt_model, asked.tau, asked.test_length)
    if asked.users is not None and asked.user_col is not None:
        raise ImportFileError(
            f"--users row names persons by their rows, and --user-col {asked.user_col!r} a column"
            " that does: give one of the two"
        )
    names = asked.columns.split(",") if asked.columns else ()
    return ImportRequest(
        path=path,
        exam_code=exam_code,
        columns=layout.with_names(
            user=asked.user_col,
            item=asked.item_col,
            correct=asked.correct_col,
            option=asked.option_col,
            time=asked.time_col,
            time_unit=asked.time_unit,
            timestamp=asked.timestamp_col,
            topic=asked.topic_col,
            session=asked.session_col,
            attempt=asked.attempt_col,
            max_score=asked.max_score_col,
        ),
        key=key,
        key_row=asked.key_row,
        option_codes=asked.option_codes,
        codes=Codes(
            missing=_listed(asked.missing),
            omitted=_listed(asked.omitted),
            not_reached=_listed(asked.not_reached),
            multimark=_listed(asked.multimark),
            scores=_scores(asked.score),
            blank=asked.blank_correct,
        ),
        max_scores=tuple(map(_max_score, asked.max_score)),
        timestamp=_utc(asked.timestamp),
        timestamp_format=asked.timestamp_format,
        timezone=asked.timezone,
        shape=asked.shape,
        items=asked.items,
        persons_by_row=asked.users is not None,
        sitting=asked.sitting,
        gap=duration_of(asked.gap) if asked.gap is not None else None,
        attempts_by_order=asked.attempt is not None,
        item_scope=asked.item_scope,
        pseudonymise=asked.pseudonymise,
        tenant=tenant,
        new_exam=new if asked.create_exam else None,
        max_rejects=asked.max_rejects,
        on_conflict=asked.on_conflict,
        dry_run=asked.dry_run,
        rejects=rejects,
        delimiter="\t" if asked.delimiter in ("\\t", "tab") else asked.delimiter,
        encoding=asked.encoding,
        quoting=asked.quoting,
        names=tuple(name.strip() for name in names),
        actor=actor,
    )


def items_request(
    asked: ItemsImport,
    paths: Sequence[Path],
    exam_code: str,
    *,
    media: tuple[Path, str] | None = None,
    rejects: Path | None = None,
    tenant: str | None = None,
    actor: str | None = None,
) -> ItemsRequest:
    """The import of files of items."""
    return ItemsRequest(
        paths=tuple(paths),
        exam_code=exam_code,
        form=asked.format,
        reference_column=asked.ref_col,
        stem_column=asked.stem_col,
        encoding=asked.encoding,
        publish=asked.publish,
        item_scope=asked.item_scope,
        on_conflict=asked.on_conflict,
        max_rejects=asked.max_rejects,
        dry_run=asked.dry_run,
        rejects=rejects,
        tenant=tenant,
        new_exam=NewExam() if asked.create_exam else None,
        actor=actor,
        media=media,
    )


def _listed(given: Sequence[str]) -> tuple[str, ...]:
    """Codes of an option that may come more than once, and hold several between commas."""
    return tuple(code for text in given for part in text.split(",") if (code := part.strip()))


def _scores(given: Sequence[str]) -> dict[str, Decimal]:
    scores = {}
    for text in given:
        value, found, score = text.rpartition("=")
        points = Decimal(0) if score.strip() == "0" else number_of_points(score)
        if not found or not value.strip() or points is None:
            raise ImportFileError(
                f"--score is {text!r}: write VALUE=1 or VALUE=0, or points beside --max-score"
            )
        scores[value.strip()] = points
    return scores


def _max_score(text: str) -> tuple[str | None, Decimal]:
    items, _, number = text.rpartition("=")
    most = number_of_points(number)
    if most is None:
        raise ImportFileError(f"--max-score is {text!r}: write 2, or 'q1=2' for some items alone")
    return items.strip() or None, most


def _utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value
