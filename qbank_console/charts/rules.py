"""Selection rules beside each other. What never lives here: how they are compared."""

from __future__ import annotations

import altair as alt
import pandas as pd

from qbank_console import theme

STANDINGS = ("in use", "on the front", "another is better in all")


def price_and_use(rules: pd.DataFrame) -> alt.Chart:
    """What each rule costs in precision against how alike the tests are that it makes.

    Args:
        rules: name, rmse, overlap, unused, max_exposure, and standing, one of ``STANDINGS``.
    """
    ours = theme.palette()
    return (
        alt.Chart(rules)
        .mark_point(filled=True, size=90, opacity=1)
        .encode(
            x=alt.X(
                "rmse:Q",
                title="RMSE of θ̂ (logits): less is more precise",
                scale=alt.Scale(zero=False, padding=16),
            ),
            y=alt.Y(
                "overlap:Q",
                title="Test overlap",
                axis=alt.Axis(format=".0%"),
                scale=alt.Scale(zero=True),
            ),
            color=alt.Color(
                "standing:N",
                title=None,
                scale=alt.Scale(
                    domain=list(STANDINGS), range=[ours.limit, ours.primary, ours.faint]
                ),
            ),
            shape=alt.Shape(
                "standing:N",
                title=None,
                scale=alt.Scale(domain=list(STANDINGS), range=["diamond", "circle", "cross"]),
            ),
            tooltip=[
                alt.Tooltip("name:N", title="rule and control"),
                alt.Tooltip("standing:N", title="standing"),
                alt.Tooltip("rmse:Q", title="RMSE of θ̂ (logits)", format=".4f"),
                alt.Tooltip("overlap:Q", title="test overlap", format=".1%"),
                alt.Tooltip("unused:Q", title="pool unused", format=".1%"),
                alt.Tooltip("max_exposure:Q", title="largest exposure rate", format=".1%"),
            ],
        )
        .properties(height=320)
    )
