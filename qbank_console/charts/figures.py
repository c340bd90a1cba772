"""The figures behind a chart, as its tooltips name them: what can be read where it is not seen.

What never lives here: charts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import altair as alt
import pandas as pd

Drawn = alt.Chart | alt.LayerChart


def figures(drawn: Drawn) -> list[pd.DataFrame]:
    """The numbers of a chart, with the names that its tooltips give them.

    Args:
        drawn: a chart; layers without a tooltip only help to read the others.

    Returns:
        One table for each set of tooltips, a row for each mark; the shortest first.
    """
    return _tables(drawn, lambda values, _: values)


def texts(drawn: Drawn) -> list[pd.DataFrame]:
    """The same tables as :func:`figures`, each value as its tooltip shows it."""
    return _tables(drawn, lambda values, tip: values.map(lambda value: _text(value, tip)))


def _tables(
    drawn: Drawn, shown: Callable[[pd.Series, alt.Tooltip], pd.Series]
) -> list[pd.DataFrame]:
    tables = (
        pd.DataFrame({_title(tip): shown(data[_field(tip)], tip) for tip in tooltips})
        for data, tooltips in _layers(drawn, None)
    )
    return sorted((table for table in tables if len(table)), key=len)


def _layers(drawn: Any, data: Any) -> Iterator[tuple[pd.DataFrame, list[alt.Tooltip]]]:
    own = drawn.data if isinstance(drawn.data, pd.DataFrame) else data
    if isinstance(drawn, alt.LayerChart):
        for layer in drawn.layer:
            yield from _layers(layer, own)
    elif isinstance(drawn.encoding.tooltip, list):
        yield own, drawn.encoding.tooltip


def _field(tip: alt.Tooltip) -> str:
    return str(tip["shorthand"]).rsplit(":", 1)[0]


def _title(tip: alt.Tooltip) -> str:
    title = tip["title"]
    return _field(tip) if title is alt.Undefined else str(title)


def _text(value: Any, tip: alt.Tooltip) -> str:
    if pd.isna(value):
        return "–"
    wanted = tip["format"]
    if wanted is alt.Undefined:
        return str(value)
    # numbers: d3 took its language of formats from Python; times: from strftime
    return f"{value:{wanted}}"
