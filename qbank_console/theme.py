"""Colours with a meaning, and the look of every chart.

The colours of widgets are in ``.streamlit/config.toml``; those here agree with them. What never
lives here: charts (``charts``).
"""

from __future__ import annotations

from typing import Final, Literal

import altair as alt

Shade = Literal["red", "orange", "blue", "green", "violet", "gray"]
"""Colours of badges."""

INK: Final = "#1b2a3a"
MUTED: Final = "#5b6b7b"
FAINT: Final = "#c3ccd5"
GRID: Final = "#e9edf1"

PRIMARY: Final = "#0f6b6b"  # what is measured
PRIMARY_SOFT: Final = "#8fbcbb"
LIMIT: Final = "#b5403a"  # a limit, and what is beyond it
CAUTION: Final = "#b86b1d"  # what a person should look at
COMPARED: Final = "#2f6db5"  # the other one of two
GOOD: Final = "#2f7d4f"

CATEGORIES: Final = [
    PRIMARY,
    CAUTION,
    COMPARED,
    LIMIT,
    "#6b57a5",
    "#6b7a89",
    "#a67c00",
    "#8a4f7d",
    "#4f7a28",
    "#2b3f55",
]
DIVERGING: Final = ["#b86b1d", "#e7c9a3", "#f3f5f7", "#9cc5c4", "#0f6b6b"]
SEQUENTIAL: Final = ["#e3efee", "#b5d5d3", "#7fb6b4", "#459191", "#0f6b6b"]

_FONT = '"Source Sans", "Source Sans Pro", sans-serif'


@alt.theme.register("qbank", enable=False)
def chart_theme() -> alt.theme.ThemeConfig:
    """Quiet axes, one font, no frame."""
    text: alt.theme.MarkConfigKwds = {"font": _FONT, "color": MUTED}
    return {
        "config": {
            "background": "#ffffff",
            "font": _FONT,
            "padding": {"left": 4, "right": 8, "top": 8, "bottom": 4},
            "view": {"stroke": None, "continuousHeight": 300},
            "axis": {
                "labelFont": _FONT,
                "labelColor": MUTED,
                "labelFontSize": 12,
                "titleFont": _FONT,
                "titleColor": INK,
                "titleFontSize": 12,
                "titleFontWeight": 500,
                "titlePadding": 8,
                "gridColor": GRID,
                "domainColor": FAINT,
                "tickColor": FAINT,
                "tickSize": 4,
                "labelOverlap": True,
            },
            "axisX": {"grid": False},
            "axisY": {"domain": False, "ticks": False, "tickCount": 5},
            "legend": {
                "orient": "top",
                "labelFont": _FONT,
                "labelColor": INK,
                "labelFontSize": 12,
                "titleFont": _FONT,
                "titleColor": MUTED,
                "titleFontSize": 12,
                "titleFontWeight": 500,
                "symbolSize": 80,
                "labelLimit": 260,
            },
            "title": {
                "font": _FONT,
                "fontSize": 13,
                "fontWeight": 600,
                "color": INK,
                "anchor": "start",
            },
            "header": {"labelFont": _FONT, "labelColor": INK, "titleFont": _FONT},
            "text": text,
            "range": {"category": CATEGORIES, "ramp": SEQUENTIAL, "diverging": DIVERGING},
        }
    }


def use() -> None:
    """Makes the look that of all charts, in this thread too."""
    alt.theme.enable("qbank")
