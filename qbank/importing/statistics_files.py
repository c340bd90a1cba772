"""Rows of SPSS (.sav, .zsav) and Stata (.dta) files.

Both formats declare values that stand for no answer (SPSS' user-missing 9, Stata's .a to .z). They
are read as nothing, as these packages do, unless the request gives them a meaning. What never lives
here: value labels, which are how a value is shown and not what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from qbank.errors import ImportFileError
from qbank.importing.codes import Codes, plainest
from qbank.importing.opening import Format
from qbank.importing.request import ImportRequest
from qbank.importing.source import Batch, Source
from qbank.wording import listed

# a chunk begins with a walk over the rows before it, so chunks are large
_CELLS = 8_000_000


def statistics_file(request: ImportRequest, form: Format, size: int) -> Source:
    """Streams the rows; a row's number takes the place of its line.

    Raises:
        ImportFileError: the file is broken, or lacks a column.
    """
    import pyreadstat

    read = pyreadstat.read_sav if form == "spss" else pyreadstat.read_dta
    _, about = _part(request, read, metadataonly=True)
    header = list(about.column_names)
    columns, notes = request.columns.found_in(header)
    declared = _Declared(request.codes, about)
    rows = max(_CELLS // max(len(header), 1), 1)

    def batches() -> Iterator[Batch]:
        # a writer that streams does not know the number of rows
        first, found, total = 0, rows, about.number_rows
        while found == rows and first != total:
            frame, _ = _part(request, read, row_offset=first, row_limit=rows)
            found = len(frame)
            lines = np.arange(first + 1, first + found + 1, dtype=np.int64)
            first += found
            table = pa.table({name: declared.left_out(name, frame[name]) for name in header})
            yield Batch(lines, table, [], size * first // total if total else size)
        notes.extend(declared.notes())

    return Source(header, columns, notes, size, batches())


def _part(request: ImportRequest, read: Callable[..., Any], **part: Any) -> Any:
    """Rows and what the file says of itself."""
    import pyreadstat

    try:
        return read(str(request.path), user_missing=True, encoding=request.encoding, **part)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError) as error:
        raise ImportFileError(f"{request.path} cannot be read to its end: {error}") from error


class _Declared:
    """The values that a file declares to be no answer, but those that the request names."""

    def __init__(self, codes: Codes, about: Any) -> None:
        given = (codes.missing, codes.omitted, codes.not_reached, codes.multimark, codes.scores)
        self._named = {plainest(value) for values in given for value in values}
        self._ranges: dict[str, list[dict[str, Any]]] = about.missing_ranges
        self._is_text = {name: t == "string" for name, t in about.readstat_variable_types.items()}
        # Stata declares none beforehand: its letters show up among a column's numbers
        self._letters: dict[str, set[str]] = {}

    def notes(self) -> list[str]:
        """Which columns of those that were read declare what."""
        declared = {
            name: [_range_text(bounds) for bounds in ranges]
            for name, ranges in self._ranges.items()
        } | {name: sorted(letters) for name, letters in self._letters.items()}
        by_values: dict[str, list[str]] = {}
        for name, values in declared.items():
            by_values.setdefault(", ".join(values), []).append(name)
        return [
            f"{values} is declared missing in {listed(names, 3)}: no answer, unless an option "
            "gives it a meaning"
            for values, names in by_values.items()
        ]

    def left_out(self, name: str, column: pd.Series[Any]) -> Any:
        """The column as an Arrow array, null where its value is declared missing."""
        is_letter = self._letters_in(name, column)
        if is_letter is not None:
            return self._without_letters(name, column, is_letter)
        ranges = self._ranges.get(name)
        if ranges is None:
            return pa.array(column, from_pandas=True)
        known = column.dropna()
        gone = pd.Series(data=False, index=known.index)
        for bounds in ranges:
            gone |= (known >= bounds["lo"]) & (known <= bounds["hi"])
        named = [value for value in known[gone].unique() if _plain(value) in self._named]
        gone &= ~known.isin(named)
        left = column.mask(gone.reindex(column.index, fill_value=False))
        return pa.array(left, from_pandas=True)

    def _letters_in(self, name: str, column: pd.Series[Any]) -> pd.Series[bool] | None:
        if self._is_text[name] or pd.api.types.is_numeric_dtype(column):
            return None
        is_letter = column.map(lambda value: isinstance(value, str))
        return is_letter if is_letter.any() else None

    def _without_letters(self, name: str, column: Any, is_letter: pd.Series[bool]) -> Any:
        letters = "." + column[is_letter].astype(str)
        self._letters.setdefault(name, set()).update(letters)
        kept = letters[letters.map(plainest).isin(self._named)]
        numbers = column[~is_letter & column.notna()].map(_plain)
        texts = pd.concat([numbers, kept]).reindex(column.index)
        return pa.array(texts, pa.string(), from_pandas=True)


def _plain(value: Any) -> str:
    whole = isinstance(value, float) and value.is_integer()
    return plainest(str(int(value)) if whole else str(value))


def _range_text(bounds: dict[str, Any]) -> str:
    low, high = (_plain(bounds[end]) for end in ("lo", "hi"))
    return low if low == high else f"{low} to {high}"
