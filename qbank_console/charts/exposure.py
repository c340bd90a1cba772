"""Exposure of a whole pool, and how a search for exposure parameters converges.

What never lives here: charts of one item.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from qbank_console import theme
from qbank_console.charts.scales import limit_line, zoomed_share

_ITERATION = alt.X("iter:Q", title="Iteration", axis=alt.Axis(tickMinStep=1, format="d"))
_TENTHS = alt.Axis(grid=True, format=".1f", tickCount=6)


def rates_by_rank(items: pd.DataFrame, tau: float) -> alt.LayerChart:
    """Each item's exposure rate with its interval, the most exposed first, against τ.

    Args:
        items: rank, item, topic, share, lower, upper, served, and standing, which is one of
            "over τ", "at τ", "below τ".
        tau: the exam's limit.
    """
    ours = theme.palette()
    most = max(float(items["upper"].max()), tau)
    base = alt.Chart(items).encode(
        x=alt.X(
            "rank:Q",
            title="Items, most exposed first",
            scale=alt.Scale(domain=[0, max(10, len(items) + 1)], nice=False),
        )
    )
    bars = base.mark_rule(strokeWidth=1.2, color=ours.faint).encode(
        y=zoomed_share("Exposure rate", most, "lower"), y2="upper:Q"
    )
    dots = base.mark_circle(size=26, opacity=1).encode(
        y=zoomed_share("Exposure rate", most),
        color=alt.Color(
            "standing:N",
            title=None,
            scale=alt.Scale(
                domain=["over τ", "at τ", "below τ"], range=[ours.limit, ours.caution, ours.primary]
            ),
        ),
        tooltip=[
            alt.Tooltip("item:N", title="item"),
            alt.Tooltip("topic:N", title="topic"),
            alt.Tooltip("share:Q", title="exposure rate", format=".1%"),
            alt.Tooltip("lower:Q", title="95% from", format=".1%"),
            alt.Tooltip("upper:Q", title="95% to", format=".1%"),
            alt.Tooltip("served:Q", title="served", format=","),
        ],
    )
    return (bars + dots + limit_line(tau, f"τ = {tau:g}")).properties(height=340)


def highest_by_day(days: pd.DataFrame, tau: float) -> alt.LayerChart:
    """The highest exposure rate of any item, day by day, against τ.

    Args:
        days: day, share, sessions.
        tau: the exam's limit.
    """
    ours = theme.palette()
    most = max(float(days["share"].max()), tau)
    line = (
        alt.Chart(days)
        .mark_line(color=ours.primary, strokeWidth=2, point={"color": ours.primary, "size": 28})
        .encode(
            x=alt.X("day:T", title=None, axis=alt.Axis(format="%-d %b")),
            y=zoomed_share("Highest rate of the day", most),
            tooltip=[
                alt.Tooltip("day:T", title="day", format="%-d %b %Y"),
                alt.Tooltip("share:Q", title="highest rate", format=".1%"),
                alt.Tooltip("sessions:Q", title="quizzes ended", format=","),
            ],
        )
    )
    return (line + limit_line(tau, f"τ = {tau:g}")).properties(height=260)


def convergence(history: pd.DataFrame, tau: float | None) -> alt.Chart | alt.LayerChart:
    """The largest exposure rate iteration by iteration, against τ.

    Args:
        history: iter, max_exp, overlap, rmse.
        tau: the run's common cap; None where it is not known.
    """
    ours = theme.palette()
    line = (
        alt.Chart(history)
        .mark_line(color=ours.primary, strokeWidth=2.2, point={"color": ours.primary, "size": 40})
        .encode(
            x=_ITERATION,
            y=alt.Y(
                "max_exp:Q",
                title="Largest exposure rate",
                axis=alt.Axis(format=".0%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            tooltip=[
                alt.Tooltip("iter:Q", title="iteration"),
                alt.Tooltip("max_exp:Q", title="largest exposure rate", format=".2%"),
                alt.Tooltip("overlap:Q", title="overlap", format=".2%"),
                alt.Tooltip("rmse:Q", title="RMSE of θ̂ (logits)", format=".4f"),
            ],
        )
    )
    drawn = line if tau is None else line + limit_line(tau, f"τ = {tau:g}")
    return drawn.properties(height=260)


def price(history: pd.DataFrame) -> alt.Chart:
    """What the exposure parameters gain and cost, iteration by iteration.

    Args:
        history: iter, overlap, rmse.
    """
    ours = theme.palette()
    names = {"overlap": "test overlap", "rmse": "RMSE of θ̂ (logits)"}
    long = history[["iter", *names]].rename(columns=names).melt("iter", var_name="measure")
    return (
        alt.Chart(long)
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=30))
        .encode(
            x=_ITERATION,
            y=alt.Y("value:Q", title="Overlap (share), RMSE", scale=alt.Scale(zero=True)),
            color=alt.Color(
                "measure:N",
                title=None,
                scale=alt.Scale(
                    domain=list(names.values()), range=[ours.primary_soft, ours.compared]
                ),
            ),
            tooltip=[
                alt.Tooltip("iter:Q", title="iteration"),
                alt.Tooltip("measure:N", title="measure"),
                alt.Tooltip("value:Q", title="value", format=".4f"),
            ],
        )
        .properties(height=180)
    )


def before_and_after(
    items: pd.DataFrame, before: str = "sh_p before", after: str = "sh_p after"
) -> alt.LayerChart:
    """sh_p of each item before and after; on the diagonal nothing changed.

    Args:
        items: item, before, after, delta.
        before: title of what was before.
        after: title of what came after.
    """
    ours = theme.palette()
    axis = alt.Scale(domain=[0, 1])
    diagonal = (
        alt.Chart(pd.DataFrame({"before": [0.0, 1.0], "after": [0.0, 1.0]}))
        .mark_line(color=ours.faint, strokeDash=[4, 4])
        .encode(x="before:Q", y="after:Q")
    )
    dots = (
        alt.Chart(items)
        .mark_circle(size=46, color=ours.primary, opacity=0.65)
        .encode(
            x=alt.X("before:Q", title=before, scale=axis, axis=_TENTHS),
            y=alt.Y("after:Q", title=after, scale=axis),
            tooltip=[
                alt.Tooltip("item:N", title="item"),
                alt.Tooltip("before:Q", format=".3f"),
                alt.Tooltip("after:Q", format=".3f"),
                alt.Tooltip("delta:Q", title="change", format="+.3f"),
            ],
        )
    )
    return (diagonal + dots).properties(height=320)


def conditional_error(strata: pd.DataFrame) -> alt.Chart:
    """Standard error of θ̂ by ability, with exposure control and without.

    Args:
        strata: stratum, order, se, with ("with control" or "without control").
    """
    ours = theme.palette()
    return (
        alt.Chart(strata)
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=50))
        .encode(
            x=alt.X(
                "stratum:N", title="True ability θ (logits)", sort=None, axis=alt.Axis(labelAngle=0)
            ),
            y=alt.Y("se:Q", title="SE of θ̂ (logits)", scale=alt.Scale(zero=True)),
            color=alt.Color(
                "with:N",
                title=None,
                scale=alt.Scale(
                    domain=["with control", "without control"], range=[ours.primary, ours.compared]
                ),
            ),
            tooltip=[
                alt.Tooltip("with:N", title="simulation"),
                alt.Tooltip("stratum:N", title="θ"),
                alt.Tooltip("se:Q", title="SE", format=".3f"),
            ],
        )
        .properties(height=240)
    )
