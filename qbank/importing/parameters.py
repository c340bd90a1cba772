"""Reads item parameters that another program estimated: a table with a row per item.

What never lives here: which items the exam has, audits, and publication.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qbank.errors import ImportFileError
from qbank.importing.columns import ColumnError, ColumnMap, places_of
from qbank.importing.reading import open_source
from qbank.importing.request import ImportRequest
from qbank.importing.text import names_text, plain_text
from qbank.vocabulary import Model
from qbank.wording import listed

# meaning: names that columns have for it, without case, blanks and punctuation; those of
# `qbank export parameters` come first
_NAMES = {
    "a": ("a", "discrimination", "slope"),
    "b": ("b", "difficulty", "location"),
    "c": ("c", "guessing", "asymptote", "g"),
    "se_a": ("se_a",),
    "se_b": ("se_b",),
    "se_c": ("se_c",),
    "n": ("n_respondents", "n"),
    "version": ("version",),
    "model": ("model",),
    "metric": ("scaling_constant", "metric", "d_constant"),
    "converged": ("converged",),
    "run": ("run_id",),
}
_NEEDED: Mapping[Model, tuple[str, ...]] = {
    "1pl": ("b",),
    "2pl": ("a", "b"),
    "3pl": ("a", "b", "c"),
}
_MOST_NAMED = 12


@dataclass(frozen=True)
class Given:
    """Parameters of one item as a file has them.

    Attributes:
        line: of the file.
        version: of the item; None is the one that is live.
        n: respondents behind them, 0 where the file does not tell.
    """

    item: str
    line: int
    a: float
    b: float
    c: float
    se_a: float | None = None
    se_b: float | None = None
    se_c: float | None = None
    n: int = 0
    version: int | None = None


@dataclass(frozen=True)
class GivenParameters:
    """A file of parameters.

    Attributes:
        rows: those that can be read, by line.
        refused: the others, each with line, item and reason.
        notes: what was skipped in the file, or taken for what.
    """

    rows: tuple[Given, ...]
    refused: tuple[str, ...]
    notes: tuple[str, ...]


def read_parameters(
    path: Path, model: Model, metric: float, item_column: str = "item"
) -> GivenParameters:
    """Reads a table of any format that responses may have.

    Args:
        path: the file.
        model: whose parameters they are: 1pl needs b, 2pl a and b, 3pl a, b and c.
        metric: D of the curve that a belongs to.
        item_column: name of the column of ``questions.external_ref``.

    Raises:
        ImportFileError: the file or a column is missing.
    """
    rows: list[Given] = []
    refused: list[str] = []
    first: dict[tuple[str, int | None], int] = {}
    # runs of this program may have estimated it anew
    slopes: dict[str, Given] = {}
    request = ImportRequest(path, "", columns=ColumnMap(user="", item=item_column, correct=""))
    try:
        with open_source(request) as source:
            places = _places(path, source.header, model)
            item_place = source.header.index(source.columns.item)
            for batch in source:
                read = [plain_text(column).text for column in batch.table.columns]
                read[item_place] = names_text(batch.table.column(item_place)).text
                columns = [column.to_pylist() for column in read]
                refused += [f"line {source.line(n)}: {why}" for n, why, _ in batch.broken]
                for line, *values in zip(batch.lines.tolist(), *columns, strict=True):
                    number, item = source.line(line), values[item_place] or ""
                    cells = {name: values[place] or "" for name, place in places.items()}
                    try:
                        row = _row(item, number, cells, model, metric)
                        alike = slopes.setdefault(cells.get("run", ""), row)
                        if model == "1pl" and not math.isclose(row.a, alike.a):
                            raise ValueError(
                                f"a is {row.a:g}, and {alike.item} has {alike.a:g}: 1pl has one"
                                " slope for all items"
                            )
                        before = first.setdefault((row.item, row.version), number)
                        if before != number:
                            raise ValueError(f"it stands in line {before} already: keep one")
                    except ValueError as error:
                        refused.append(f"line {number} ({item or 'no item'}): {error}")
                    else:
                        rows.append(row)
            return GivenParameters(tuple(rows), tuple(refused), tuple(source.notes))
    except ColumnError as error:
        raise ImportFileError(
            f"{path} has no column {item_column!r} with the items' names: name it with --item-col"
        ) from error


def _places(path: Path, header: list[str], model: Model) -> dict[str, int]:
    places = places_of(
        path,
        header,
        lambda plain: next((name for name, names in _NAMES.items() if plain in names), None),
    )
    missing = [name for name in _NEEDED[model] if name not in places]
    if missing:
        raise ImportFileError(
            f"{path} has no column {listed(missing, 3)}, which {model} needs; the file has"
            f" {listed(header, _MOST_NAMED)} (of intercepts d, b is -d/a)"
        )
    return places


def _row(item: str, line: int, cells: Mapping[str, str], model: Model, metric: float) -> Given:
    """The parameters of a row.

    Raises:
        ValueError: says what is wrong.
    """
    if not item:
        raise ValueError("the item's name is blank")
    if cells.get("model") and cells["model"].lower() != model:
        raise ValueError(f"its model is {cells['model']}, and --model is {model}")
    if cells.get("metric") and _number(cells["metric"], "metric") != metric:
        raise ValueError(f"its D is {cells['metric']}, and --metric is {metric:g}")
    if cells.get("converged", "").lower() in ("f", "false", "0", "no"):
        raise ValueError("its estimation did not converge")
    if model != "3pl" and cells.get("c") and _number(cells["c"], "c") != 0:
        raise ValueError(f"c is {cells['c']}, and {model} has none")
    return Given(
        item=item,
        line=line,
        a=_number(cells["a"], "a") if cells.get("a") or model != "1pl" else 1.0,
        b=_number(cells["b"], "b"),
        c=_number(cells["c"], "c") if model == "3pl" else 0.0,
        se_a=_optional(cells, "se_a"),
        se_b=_optional(cells, "se_b"),
        se_c=_optional(cells, "se_c") if model == "3pl" else None,
        n=_whole(cells, "n") or 0,
        version=_whole(cells, "version"),
    )


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"{what} is {text!r}: use a number with a point") from error
    if not math.isfinite(value):
        raise ValueError(f"{what} is {text!r}: use a finite number")
    return value


def _optional(cells: Mapping[str, Any], name: str) -> float | None:
    if not cells.get(name) or cells[name].lower() in ("na", "nan", "."):
        return None
    value = _number(cells[name], name)
    if value < 0:
        raise ValueError(f"{name} is {value:g}: a standard error is 0 or more")
    return value


def _whole(cells: Mapping[str, Any], name: str) -> int | None:
    text = (cells.get(name) or "").removesuffix(".0")
    if not text:
        return None
    if not text.isdigit():
        raise ValueError(f"{name} is {text!r}: use a whole number")
    return int(text)
