"""What pages are built from: headings, figures in a row, charts with their numbers, choices.

What never lives here: data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from qbank_console.charts import figures as behind

MOST_ROWS = 200  # of a chart's table; its file has all
_TABLE_ROWS, _TABLE_PX = 8, 330  # a longer table scrolls in itself


@dataclass(frozen=True)
class Figure:
    """One number with its name.

    Attributes:
        label: what it is, with the unit where it has one.
        value: as shown.
        help: its definition.
        delta: change, as shown; the sign leads.
        inverse: whether more is worse.
    """

    label: str
    value: str
    help: str
    delta: str | None = None
    inverse: bool = False


def heading(title: str, lede: str) -> None:
    """The page's title and, in one sentence, what it answers."""
    st.title(title, anchor=False)
    st.markdown(f":gray[{lede}]")


def section(title: str, lede: str = "") -> None:
    """A part of a page, one level below its title."""
    st.header(title, anchor=False)
    if lede:
        st.caption(lede)


def figures(shown: Iterable[Figure], per_row: int | Literal["auto"] = "auto") -> None:
    """Numbers side by side, as many as fit or at most so many in a row."""
    with st.grid(per_row, min_column_width=150):
        for one in shown:
            st.metric(
                one.label,
                one.value,
                delta=one.delta,
                delta_color="inverse" if one.inverse else "normal",
                help=one.help,
                border=True,
                height="stretch",
            )


def empty(what: str, remedy: str, icon: str = ":material/inbox:") -> None:
    """Nothing to show, and what to do about it."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.header(f"{icon} {what}", anchor=False, text_alignment="center")
        st.markdown(f":gray[{remedy}]", text_alignment="center")
        st.space("small")


def chart(drawn: behind.Drawn, name: str) -> None:
    """A chart as wide as its place; behind it, for whoever cannot see it, the same as a table.

    Args:
        drawn: the chart; its tooltips name the figures.
        name: what it shows, in words: read aloud in its place. No other chart of the page has it.
    """
    st.altair_chart(drawn, theme=None, width="stretch", alt=name)
    slug = re.sub(r"\W+", "-", name.lower()).strip("-")
    shown = st.expander(
        "Show the figures as a table", key=f"figures-{slug}", type="compact", on_change="rerun"
    )
    if not shown.open:
        return
    with shown:
        for table in behind.texts(drawn):
            st.table(
                table.head(MOST_ROWS),
                hide_index=True,
                border="horizontal",
                height=_TABLE_PX if len(table) > _TABLE_ROWS else "content",
                alt=name,
            )
            if len(table) > MOST_ROWS:
                st.caption(f"The first {MOST_ROWS} of {len(table):,} rows; the file has all.")
        st.download_button(
            "Download these figures (CSV)",
            pd.concat(behind.figures(drawn)).to_csv(index=False),
            file_name=f"{slug}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            key=f"figures-csv-{slug}",
        )


def choose(
    label: str,
    options: Mapping[str, str],
    name: str,
    *,
    required: bool = True,
    width: int | Literal["stretch"] = "stretch",
    placeholder: str | None = None,
) -> str | None:
    """A choice that the address keeps, so that it can be shared, and that other pages take over.

    Args:
        label: above the field.
        options: what is shown, by value; at least one.
        name: of the choice in the address.
        required: whether the first option is taken where nothing is chosen yet.
        width: of the field, in pixels.
        placeholder: shown where nothing is chosen.
    """
    values = list(options)
    wanted = st.query_params.get(name) or st.session_state.get(f"chosen_{name}")
    first = values.index(str(wanted)) if wanted in options else 0 if required else None
    chosen: str | None = st.selectbox(
        label,
        values,
        index=first,
        format_func=options.__getitem__,
        # other options are another field: a value of theirs would be refused
        key=f"{name}_of_{hash(tuple(values))}",
        placeholder=placeholder,
        width=width,
    )
    st.session_state[f"chosen_{name}"] = chosen
    if chosen is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != chosen:
        st.query_params[name] = chosen
    return chosen


def percentages(shares: pd.DataFrame) -> pd.DataFrame:
    """Shares as percentages, for columns of :func:`percent_column`."""
    return shares * 100


def percent_column(label: str, help_text: str | None = None) -> ColumnConfig:
    """A column of percentages with one decimal."""
    return st.column_config.NumberColumn(label, format="%.1f%%", help=help_text)


def moment_column(label: str | None = None, width: int | None = None) -> ColumnConfig:
    """A column of moments, to the minute."""
    return st.column_config.DatetimeColumn(label, format="D MMM YYYY, HH:mm", width=width)


def moments(texts: pd.Series) -> pd.Series:
    """Moments as the API writes them, for such a column."""
    return pd.to_datetime(texts, format="ISO8601", utc=True)


def percent(share: float | None, digits: int = 1) -> str:
    """A share as text, or a dash."""
    return "–" if share is None or share != share else f"{share:.{digits}%}"


def number(value: float | None, digits: int = 2) -> str:
    """A number as text, or a dash."""
    return "–" if value is None or value != value else f"{value:,.{digits}f}"
