"""One item: its characteristic curve, its options, its exposure over time.

What never lives here: the response model (``calibration``).
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from qbank_console import theme
from qbank_console.charts.scales import SHARE, limit_line, zoomed_share

THETA = "Ability θ (logits)"


def characteristic_curve(curve: pd.DataFrame, observed: pd.DataFrame) -> alt.LayerChart:
    """The fitted curve, and what students of each ability did.

    Args:
        curve: theta, share: the fitted probability; empty where the item has no parameters.
        observed: theta, share, lower, upper, answers: one row per group of students.
    """
    ours = theme.palette()
    x = alt.X("theta:Q", title=THETA, scale=alt.Scale(domain=[-4, 4]))
    y = alt.Y("share:Q", title="Probability correct", axis=SHARE, scale=alt.Scale(domain=[0, 1]))
    line = (
        alt.Chart(curve)
        .mark_line(color=ours.primary, strokeWidth=2.4, clip=True)
        .encode(
            x=x,
            y=y,
            tooltip=[
                alt.Tooltip("theta:Q", title="θ", format=".2f"),
                alt.Tooltip("share:Q", title="fitted probability", format=".1%"),
            ],
        )
    )
    points = alt.Chart(observed).encode(x=x)
    bars = points.mark_rule(color=ours.faint, strokeWidth=2, clip=True).encode(
        y=alt.Y("lower:Q"), y2="upper:Q"
    )
    dots = points.mark_circle(color=ours.ink, opacity=1).encode(
        y=y,
        size=alt.Size("answers:Q", title="First answers", scale=alt.Scale(range=[30, 260])),
        tooltip=[
            alt.Tooltip("theta:Q", title="mean θ of the group", format=".2f"),
            alt.Tooltip("share:Q", title="correct", format=".1%"),
            alt.Tooltip("lower:Q", title="95% from", format=".1%"),
            alt.Tooltip("upper:Q", title="95% to", format=".1%"),
            alt.Tooltip("answers:Q", title="first answers", format=","),
        ],
    )
    return (bars + line + dots).properties(height=320)


def option_shares(options: pd.DataFrame) -> alt.LayerChart:
    """How often each option is chosen; the key stands out.

    Args:
        options: option, share, role ("key", "distractor" or "dead distractor").
    """
    ours = theme.palette()
    base = alt.Chart(options).encode(
        y=alt.Y("option:N", title=None, axis=alt.Axis(domain=False, ticks=False)),
        x=alt.X("share:Q", title="Share of answers", axis=alt.Axis(format=".0%", grid=True)),
    )
    bars = base.mark_bar(height={"band": 0.62}, cornerRadiusEnd=2).encode(
        color=alt.Color(
            "role:N",
            title=None,
            scale=alt.Scale(
                domain=["key", "distractor", "dead distractor"],
                range=[ours.primary, ours.primary_soft, ours.categories[1]],
            ),
        ),
        tooltip=[
            alt.Tooltip("option:N", title="option"),
            alt.Tooltip("role:N", title="role"),
            alt.Tooltip("share:Q", title="share", format=".1%"),
        ],
    )
    labels = base.mark_text(align="left", dx=5, color=ours.ink).encode(
        text=alt.Text("share:Q", format=".1%")
    )
    return (bars + labels).properties(height=90 + 34 * len(options))


def option_traces(traces: pd.DataFrame, options: Sequence[str]) -> alt.Chart:
    """Which options students of each ability choose: a distractor should fall with ability.

    Args:
        traces: theta, option, share, answers.
        options: all options in the order of their colours, the key first.
    """
    ours = theme.palette()
    return (
        alt.Chart(traces)
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=36))
        .encode(
            x=alt.X("theta:Q", title=THETA, scale=alt.Scale(nice=False, padding=12)),
            y=alt.Y("share:Q", title="Share choosing it", axis=SHARE),
            color=alt.Color(
                "option:N",
                title="Option",
                scale=alt.Scale(domain=list(options), range=ours.categories[: len(options)]),
            ),
            tooltip=[
                alt.Tooltip("option:N", title="option"),
                alt.Tooltip("theta:Q", title="mean θ of the group", format=".2f"),
                alt.Tooltip("share:Q", title="share", format=".1%"),
                alt.Tooltip("answers:Q", title="answers of the group", format=","),
            ],
        )
        .properties(height=260)
    )


def exposure_over_time(weeks: pd.DataFrame, tau: float) -> alt.LayerChart:
    """Share of quizzes that had the item, week by week, against τ.

    Args:
        weeks: week, share, lower, upper, served, sessions.
        tau: the exam's limit.
    """
    ours = theme.palette()
    most = max(float(weeks["upper"].max()), tau)
    x = alt.X("week:T", title="Week that quizzes ended in", axis=alt.Axis(format="%-d %b"))
    base = alt.Chart(weeks).encode(x=x)
    band = base.mark_area(color=ours.primary_soft, opacity=0.35).encode(
        y=zoomed_share("Exposure rate", most, "lower"), y2="upper:Q"
    )
    line = base.mark_line(
        color=ours.primary, strokeWidth=2.2, point={"color": ours.primary}
    ).encode(
        y=zoomed_share("Exposure rate", most),
        tooltip=[
            alt.Tooltip("week:T", title="week from", format="%-d %b %Y"),
            alt.Tooltip("share:Q", title="exposure rate", format=".1%"),
            alt.Tooltip("lower:Q", title="95% from", format=".1%"),
            alt.Tooltip("upper:Q", title="95% to", format=".1%"),
            alt.Tooltip("served:Q", title="served", format=","),
            alt.Tooltip("sessions:Q", title="quizzes ended", format=","),
        ],
    )
    return (band + line + limit_line(tau, f"τ = {tau:g}")).properties(height=260)


def control_over_time(days: pd.DataFrame) -> alt.Chart:
    """The exposure parameter in force when the item was served.

    Args:
        days: day, sh_p.
    """
    ours = theme.palette()
    return (
        alt.Chart(days)
        .mark_line(color=ours.categories[2], interpolate="step-after", strokeWidth=2, point=True)
        .encode(
            x=alt.X("day:T", title="Day", axis=alt.Axis(format="%-d %b")),
            y=alt.Y("sh_p:Q", title="sh_p when served", scale=alt.Scale(domain=[0, 1])),
            tooltip=[
                alt.Tooltip("day:T", title="day", format="%-d %b %Y"),
                alt.Tooltip("sh_p:Q", title="sh_p", format=".3f"),
            ],
        )
        .properties(height=180)
    )


def parameter_history(fits: pd.DataFrame, title: str) -> alt.LayerChart:
    """One item parameter, calibration by calibration, with its 95% interval.

    Args:
        fits: at, estimate, lower, upper, by.
        title: the parameter with its unit.
    """
    ours = theme.palette()
    base = alt.Chart(fits).encode(
        x=alt.X("at:T", title="Fitted", axis=alt.Axis(format="%-d %b", labelAngle=0))
    )
    y = alt.Y("estimate:Q", title=title, scale=alt.Scale(zero=False, padding=14))
    bars = base.mark_rule(color=ours.primary_soft, strokeWidth=3).encode(
        y=alt.Y("lower:Q", title=title, scale=alt.Scale(zero=False, padding=14)), y2="upper:Q"
    )
    line = base.mark_line(color=ours.primary, strokeWidth=1.5).encode(y=y)
    dots = base.mark_circle(color=ours.primary, size=80, opacity=1).encode(
        y=y,
        tooltip=[
            alt.Tooltip("at:T", title="fitted", format="%-d %b %Y, %H:%M"),
            alt.Tooltip("estimate:Q", title=title, format=".3f"),
            alt.Tooltip("lower:Q", title="95% from", format=".3f"),
            alt.Tooltip("upper:Q", title="95% to", format=".3f"),
            alt.Tooltip("by:N", title="asked for by"),
        ],
    )
    return (bars + line + dots).properties(height=220)
