"""Topics: coverage against the blueprint, and mastery.

What never lives here: items.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from qbank_console import theme

_TOPIC = alt.Axis(labelLimit=230, domain=False, ticks=False)


def target_against_share(topics: pd.DataFrame) -> alt.LayerChart:
    """Bars of the share that each topic has, ticks where the blueprint wants it.

    Args:
        topics: topic, share, administered, target.
    """
    ours = theme.palette()
    y = alt.Y("topic:N", title=None, sort=None, axis=_TOPIC)
    base = alt.Chart(topics).encode(y=y)
    bars = base.mark_bar(color=ours.primary_soft, height={"band": 0.6}, cornerRadiusEnd=2).encode(
        x=alt.X("share:Q", title="Share of the exam", axis=alt.Axis(format=".0%", grid=True)),
        tooltip=[
            alt.Tooltip("topic:N", title="topic"),
            alt.Tooltip("share:Q", title="share of published items", format=".1%"),
            alt.Tooltip("administered:Q", title="share of what was administered", format=".1%"),
            alt.Tooltip("target:Q", title="target", format=".1%"),
        ],
    )
    given = base.mark_point(color=ours.primary, filled=True, size=60, shape="diamond").encode(
        x="administered:Q"
    )
    target = base.mark_tick(color=ours.ink, thickness=2.5, height={"band": 0.85}).encode(
        x="target:Q"
    )
    return (bars + given + target).properties(height=70 + 34 * len(topics))


def mastery_spread(topics: pd.DataFrame) -> alt.LayerChart:
    """Median mastery of a topic among students, and the middle half of them.

    Args:
        topics: topic, median, p25, p75, students, attempts.
    """
    ours = theme.palette()
    base = alt.Chart(topics).encode(y=alt.Y("topic:N", title=None, sort=None, axis=_TOPIC))
    bars = base.mark_bar(color=ours.primary_soft, height=10, cornerRadius=5).encode(
        x=alt.X(
            "p25:Q",
            title="Mastery: median and middle half of the students",
            axis=alt.Axis(format=".0%", grid=True),
            scale=alt.Scale(domain=[0, 1]),
        ),
        x2="p75:Q",
    )
    dots = base.mark_circle(color=ours.primary, size=90, opacity=1).encode(
        x="median:Q",
        tooltip=[
            alt.Tooltip("topic:N", title="topic"),
            alt.Tooltip("median:Q", title="median mastery", format=".1%"),
            alt.Tooltip("p25:Q", title="a quarter is below", format=".1%"),
            alt.Tooltip("p75:Q", title="a quarter is above", format=".1%"),
            alt.Tooltip("students:Q", title="students", format=","),
            alt.Tooltip("attempts:Q", title="answers", format=","),
        ],
    )
    return (bars + dots).properties(height=70 + 26 * len(topics))


def mastery_of_student(topics: pd.DataFrame) -> alt.LayerChart:
    """A student's mastery of each topic with its 95% interval, and the plain accuracy.

    Args:
        topics: topic, mastery, lower, upper, accuracy, attempts.
    """
    ours = theme.palette()
    base = alt.Chart(topics).encode(y=alt.Y("topic:N", title=None, sort=None, axis=_TOPIC))
    bars = base.mark_rule(color=ours.primary_soft, strokeWidth=4).encode(
        x=alt.X(
            "lower:Q",
            title="Mastery with 95% interval; ◇ plain accuracy",
            axis=alt.Axis(format=".0%", grid=True),
            scale=alt.Scale(domain=[0, 1]),
        ),
        x2="upper:Q",
    )
    plain = base.mark_point(color=ours.caution, size=60, shape="diamond").encode(x="accuracy:Q")
    dots = base.mark_circle(color=ours.primary, size=90, opacity=1).encode(
        x="mastery:Q",
        tooltip=[
            alt.Tooltip("topic:N", title="topic"),
            alt.Tooltip("mastery:Q", title="mastery", format=".1%"),
            alt.Tooltip("lower:Q", title="95% from", format=".1%"),
            alt.Tooltip("upper:Q", title="95% to", format=".1%"),
            alt.Tooltip("accuracy:Q", title="correct of all answers", format=".1%"),
            alt.Tooltip("attempts:Q", title="answers", format=","),
        ],
    )
    return (bars + plain + dots).properties(height=70 + 28 * len(topics))


def responses_by_day(days: pd.DataFrame) -> alt.Chart:
    """Answers a day.

    Args:
        days: day, responses, active_users, accuracy.
    """
    ours = theme.palette()
    return (
        alt.Chart(days)
        .mark_bar(color=ours.primary_soft)
        .encode(
            x=alt.X("day:T", title=None, axis=alt.Axis(format="%-d %b")),
            y=alt.Y("responses:Q", title="Answers", axis=alt.Axis(format=",d")),
            tooltip=[
                alt.Tooltip("day:T", title="day", format="%-d %b %Y"),
                alt.Tooltip("responses:Q", title="answers", format=","),
                alt.Tooltip("active_users:Q", title="students", format=","),
                alt.Tooltip("accuracy:Q", title="correct", format=".1%"),
            ],
        )
        .properties(height=200)
    )
