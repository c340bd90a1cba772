"""Axes and marks that charts share.

What never lives here: whole charts.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from qbank_console import theme

SHARE = alt.Axis(format=".0%")


def zoomed_share(title: str, most: float, field: str = "share") -> alt.Y:
    """A share from 0 to a little above the largest that is shown."""
    top = min(1.0, max(0.05, most * 1.12))
    scale = alt.Scale(domain=[0, top], nice=True)
    return alt.Y(f"{field}:Q", title=title, axis=SHARE, scale=scale)


def limit_line(value: float, label: str) -> alt.LayerChart:
    """A dashed limit across the chart, named at its right end."""
    ours = theme.palette()
    data = pd.DataFrame({"limit": [value], "label": [label]})
    rule = alt.Chart(data).mark_rule(color=ours.limit, strokeDash=[5, 4], strokeWidth=1.4)
    name = alt.Chart(data).mark_text(
        align="right",
        baseline="bottom",
        dx=-2,
        dy=-3,
        color=ours.limit,
        fontSize=12,
        fontWeight=600,
    )
    y = alt.Y("limit:Q")
    return rule.encode(y=y) + name.encode(y=y, x=alt.value("width"), text="label:N")
