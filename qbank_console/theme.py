"""Colours with a meaning, in light and dark, and the look of every chart.

The colours of widgets are in ``.streamlit/config.toml``; those here agree with them. What never
lives here: charts (``charts``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import altair as alt
import streamlit as st

Shade = Literal["red", "orange", "blue", "green", "violet", "gray"]
"""Colours of badges."""


@dataclass(frozen=True)
class Palette:
    """Colours of charts on one background.

    Text and marks stand out from the background as WCAG 2.2 asks: text by 4.5:1, marks that say
    something by 3:1. A soft colour fills areas whose edge or neighbour says the same.

    Attributes:
        background: of the page.
        ink: text.
        muted: text beside it.
        faint: marks that help to read others.
        grid: lines behind them.
        primary: what is measured.
        primary_soft: an area of it.
        limit: a limit, and what is beyond it.
        caution: what a person should look at.
        compared: the other one of two.
        categories: distinct ones without an order.
        diverging: from below over the middle to above.
        sequential: from little to much.
    """

    background: str
    ink: str
    muted: str
    faint: str
    grid: str
    primary: str
    primary_soft: str
    limit: str
    caution: str
    compared: str
    categories: list[str]
    diverging: list[str]
    sequential: list[str]


LIGHT: Final = Palette(
    background="#ffffff",
    ink="#0a1520",
    muted="#566472",
    faint="#8693a0",
    grid="#e9edf1",
    primary="#0f6b6b",
    primary_soft="#5f9f9d",
    limit="#b5403a",
    caution="#a85f16",
    compared="#2f6db5",
    categories=[
        "#0f6b6b",
        "#a85f16",
        "#2f6db5",
        "#b5403a",
        "#6b57a5",
        "#667583",
        "#8a6800",
        "#8a4f7d",
        "#4f7a28",
        "#2b3f55",
    ],
    diverging=["#a85f16", "#e7c9a3", "#f3f5f7", "#9cc5c4", "#0f6b6b"],
    sequential=["#e3efee", "#b5d5d3", "#7fb6b4", "#459191", "#0f6b6b"],
)
DARK: Final = Palette(
    background="#11181f",
    ink="#e8edf2",
    muted="#a9b6c2",
    faint="#6d7b88",
    grid="#26313b",
    primary="#4fb9b5",
    primary_soft="#357f7d",
    limit="#f0857d",
    caution="#e0a050",
    compared="#79aef0",
    categories=[
        "#4fb9b5",
        "#e0a050",
        "#79aef0",
        "#f0857d",
        "#ab9be6",
        "#9aa8b5",
        "#d1b04a",
        "#d193c3",
        "#93c46a",
        "#c3d0dd",
    ],
    diverging=["#e0a050", "#7d5f35", "#26313b", "#2c6260", "#4fb9b5"],
    sequential=["#1d3a3c", "#265455", "#31706f", "#3f9390", "#4fb9b5"],
)

_FONT = '"Source Sans", "Source Sans Pro", sans-serif'


def palette() -> Palette:
    """The colours of the theme that the person sees; outside of a session the light ones."""
    return DARK if st.context.theme.type == "dark" else LIGHT


@alt.theme.register("qbank", enable=False)
def chart_theme() -> alt.theme.ThemeConfig:
    """Quiet axes, one font, no frame."""
    ours = palette()
    text: alt.theme.MarkConfigKwds = {"font": _FONT, "color": ours.muted}
    return {
        "config": {
            "background": ours.background,
            "font": _FONT,
            "padding": {"left": 4, "right": 8, "top": 8, "bottom": 4},
            "view": {"stroke": None, "continuousHeight": 300},
            "axis": {
                "labelFont": _FONT,
                "labelColor": ours.muted,
                "labelFontSize": 12,
                "titleFont": _FONT,
                "titleColor": ours.ink,
                "titleFontSize": 12,
                "titleFontWeight": 500,
                "titlePadding": 8,
                "gridColor": ours.grid,
                "domainColor": ours.faint,
                "tickColor": ours.faint,
                "tickSize": 4,
                "labelOverlap": True,
            },
            "axisX": {"grid": False},
            "axisY": {"domain": False, "ticks": False, "tickCount": 5},
            "legend": {
                "orient": "top",
                "labelFont": _FONT,
                "labelColor": ours.ink,
                "labelFontSize": 12,
                "titleFont": _FONT,
                "titleColor": ours.muted,
                "titleFontSize": 12,
                "titleFontWeight": 500,
                "symbolSize": 80,
                "labelLimit": 260,
            },
            "title": {
                "font": _FONT,
                "fontSize": 13,
                "fontWeight": 600,
                "color": ours.ink,
                "anchor": "start",
            },
            "header": {"labelFont": _FONT, "labelColor": ours.ink, "titleFont": _FONT},
            "text": text,
            "range": {
                "category": ours.categories,
                "ramp": ours.sequential,
                "diverging": ours.diverging,
            },
        }
    }


def use() -> None:
    """Makes the look that of all charts, in this thread too."""
    alt.theme.enable("qbank")
