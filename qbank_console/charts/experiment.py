"""Cohorts of an experiment beside each other. What never lives here: what a cohort is."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from qbank_console import theme


def cohort_estimates(
    cohorts: pd.DataFrame, names: Sequence[str], title: str, number_format: str
) -> alt.LayerChart:
    """One measure by cohort: the estimate and its 95% interval.

    Args:
        cohorts: cohort, estimate, lower, upper, sessions.
        names: all cohorts that are compared, so that each has its colour in every chart.
        title: the measure with its unit.
        number_format: d3 format of the measure.
    """
    ours = theme.palette()
    axis = alt.Axis(format=number_format, grid=True, tickCount=5)
    base = alt.Chart(cohorts).encode(
        y=alt.Y("cohort:N", title=None, axis=alt.Axis(domain=False, ticks=False, labelLimit=200)),
        color=alt.Color(
            "cohort:N",
            legend=None,
            scale=alt.Scale(domain=list(names), range=ours.categories[:1] + ours.categories[2:]),
        ),
    )
    bars = base.mark_rule(strokeWidth=3, opacity=0.45).encode(
        x=alt.X("lower:Q", title=title, axis=axis, scale=alt.Scale(zero=False, padding=16)),
        x2="upper:Q",
    )
    dots = base.mark_circle(size=110, opacity=1).encode(
        x="estimate:Q",
        tooltip=[
            alt.Tooltip("cohort:N", title="cohort"),
            alt.Tooltip("estimate:Q", title=title, format=number_format),
            alt.Tooltip("lower:Q", title="95% from", format=number_format),
            alt.Tooltip("upper:Q", title="95% to", format=number_format),
            alt.Tooltip("sessions:Q", title="quizzes", format=","),
        ],
    )
    return (bars + dots).properties(height=60 + 36 * len(cohorts))
