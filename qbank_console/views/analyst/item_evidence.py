"""What the answers to an item say: groups of like ability, options, exposure, parameters.

What never lives here: the choice of the item (``item``).
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from calibration.reestimation.wilson import wilson_interval
from qbank_console import layout
from qbank_console.charts import items as charts
from qbank_console.marts import items

CONFIDENCE = 0.95
MIN_ANSWERS = 10  # a group of fewer says nothing


def correct_by_ability(answers: pd.DataFrame) -> pd.DataFrame:
    """Groups of like ability with their share correct and its Wilson interval.

    Args:
        answers: as ``marts.items.answers_by_ability`` gives them.

    Returns:
        theta (mean of the group), share, lower, upper, answers.
    """
    groups = answers.assign(correct=answers["answers"].where(answers["is_correct"], 0))
    groups = groups.groupby("theta_from", as_index=False)[["answers", "correct", "theta_sum"]].sum()
    groups = groups[groups["answers"] >= MIN_ANSWERS]
    return with_interval(
        groups.assign(theta=groups["theta_sum"] / groups["answers"]), "correct", "answers"
    )


def choices_by_ability(answers: pd.DataFrame) -> pd.DataFrame:
    """Share that each option has in each group of like ability.

    Returns:
        theta (mean of the group), option, share, answers (of the group).
    """
    whole = answers.groupby("theta_from")[["answers", "theta_sum"]].sum()
    whole = whole[whole["answers"] >= MIN_ANSWERS]
    # an option that a group leaves out has a share of 0 there
    counts = answers.pivot_table(
        index="theta_from", columns="option_label", values="answers", aggfunc="sum", fill_value=0
    )
    chosen = counts.reset_index().melt("theta_from", value_name="chosen")
    chosen = chosen.join(whole, on="theta_from", how="inner")
    return pd.DataFrame(
        {
            "theta": chosen["theta_sum"] / chosen["answers"],
            "option": chosen["option_label"],
            "share": chosen["chosen"] / chosen["answers"],
            "answers": chosen["answers"],
        }
    )


def with_interval(counted: pd.DataFrame, hits: str, trials: str) -> pd.DataFrame:
    """Adds share, lower and upper (Wilson, 95%) of hits ÷ trials."""
    share = (counted[hits] / counted[trials]).to_numpy(float)
    lower, upper = wilson_interval(share, counted[trials].to_numpy(float), CONFIDENCE)
    return counted.assign(share=share, lower=lower, upper=upper)


def options(item: pd.Series) -> None:
    """Which options are chosen, by how many and by whom."""
    shares = item["option_shares"]
    if not shares:
        layout.empty(
            "No options recorded",
            "These answers were imported as right or wrong only; import the chosen option too.",
        )
        return
    dead = set(item["dead_distractors"])
    rows = [
        {
            "option": label,
            "share": share,
            "role": "key"
            if label == item["correct_option"]
            else "dead distractor"
            if label in dead
            else "distractor",
        }
        for label, share in sorted(shares.items())
    ]
    left, right = st.columns(2, gap="large")
    with left:
        layout.section("How often each option is chosen")
        layout.chart(charts.option_shares(pd.DataFrame(rows)), "Share of answers by option")
        if dead:
            st.warning(
                f"Hardly anybody chooses {', '.join(sorted(dead))}: rewrite or remove it in a new "
                "version.",
                icon=":material/flag:",
            )
    with right:
        layout.section("Who chooses it")
        traces = choices_by_ability(
            items.answers_by_ability(
                item["tenant_id"], item["exam_code"], int(item["question_id"]), int(item["version"])
            )
        )
        if traces.empty:
            st.info(f"No group of like ability has {MIN_ANSWERS} answers in adaptive quizzes yet.")
        else:
            traces["option"] = traces["option"].where(
                traces["option"] != item["correct_option"], traces["option"] + " (key)"
            )
            labels = sorted(traces["option"].unique(), key=lambda name: ("(key)" not in name, name))
            layout.chart(charts.option_traces(traces, labels), "Share of each option by ability")
            st.caption(
                "The key should rise with ability; a distractor that rises misleads good students."
            )


def exposure(item: pd.Series) -> None:
    """Exposure week by week against τ, and the parameter that was in force."""
    days = items.exposure_by_day(
        item["tenant_id"], item["exam_code"], int(item["question_id"]), int(item["version"])
    )
    if days.empty:
        layout.empty("No quiz of this exam has ended yet", "Rates appear with the first of them.")
        return
    days["day"] = pd.to_datetime(days["day"])
    weeks = (
        days.groupby(pd.Grouper(key="day", freq="W-MON", label="left", closed="left"))[
            ["served", "sessions"]
        ]
        .sum()
        .reset_index(names="week")
    )
    weeks = with_interval(weeks[weeks["sessions"] > 0], "served", "sessions")
    layout.section("Exposure rate by week", "Served ÷ quizzes ended; the band is the 95% interval.")
    layout.chart(
        charts.exposure_over_time(weeks, float(item["tau"])),
        f"Exposure rate by week, against τ = {item['tau']:g}",
    )
    in_force = days.dropna(subset=["sh_p_least"])
    layout.section(
        "Exposure parameter in force",
        "sh_p when the item was served: the chance to be administered once selected.",
    )
    if in_force.empty:
        st.info("The item was never served under exposure control.")
    else:
        layout.chart(
            charts.control_over_time(in_force.rename(columns={"sh_p_least": "sh_p"})),
            "Exposure parameter by day",
        )
