"""One item: curve, options, exposure over time, parameters.

What never lives here: the response model (``calibration``), the marks (``charts.items``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from qbank.item_flags import FLAGS
from qbank.vocabulary import code_of
from qbank_console import layout, navigation
from qbank_console.api.client import Json
from qbank_console.charts import items as charts
from qbank_console.layout import Figure
from qbank_console.marts import items
from qbank_console.theme import Shade
from qbank_console.views.analyst import choosing, item_evidence, item_flags, item_parameters

D = 1.7  # of the marts, which bring every a to it
_SHADES: dict[str, Shade] = {"act today": "red", "note": "gray"}


def open_item(exam: str, row: pd.Series) -> None:
    """Leaves for this page, about one item."""
    st.switch_page(
        navigation.page("item"),
        query_params={"exam": code_of(exam), "item": f"{row['question_id']}.{row['version']}"},
    )


def page() -> None:
    """Chooses an item and shows all that is known of it."""
    layout.heading("Item", "One item in one exam: how it discriminates, distracts and is exposed.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        exam = choosing.exam()
        key = _choose(exam["exam_code"])
    if key is None:
        layout.empty(
            "Choose an item", "Pick one above, or open it from Item health.", ":material/target:"
        )
        return
    question, version = key
    found = items.one_item(choosing.tenant(), exam["exam_code"], question, version)
    if found.empty:
        layout.empty("Not in this exam", "Choose another item or another exam.")
        return
    item = found.iloc[0]
    flags = item_flags.of_item(item)
    _summary(item, flags)
    curve, options, exposure, parameters, answers = st.tabs(
        ["Characteristic curve", "Options", "Exposure", "Parameters", "Flags"]
    )
    with curve:
        _curve(item)
    with options:
        item_evidence.options(item)
    with exposure:
        item_evidence.exposure(item)
    with parameters:
        item_parameters.show(item)
    with answers:
        item_flags.show(item, flags)


def _choose(exam: str) -> tuple[int, int] | None:
    known = items.item_health(choosing.tenant(), exam)
    names = {
        f"{row['question_id']}.{row['version']}": choosing.item_name(row)
        for _, row in known.iterrows()
    }
    if not names:
        return None
    chosen = layout.choose("Item", names, "item", required=False, placeholder="type a reference")
    if chosen is None:
        return None
    question, version = chosen.split(".")
    return int(question), int(version)


def _summary(item: pd.Series, flags: list[Json]) -> None:
    st.markdown(f"**{choosing.item_name(item)}** · {item['topic_path']}")
    st.markdown(f"> {item['stem_start']}{'…' if len(item['stem_start']) == 120 else ''}")
    raised = [flag for column, flag in FLAGS.items() if item[column]]
    standing = {flag["flag"]: f", {item_flags.standing(flag)}" for flag in flags}
    with st.container(horizontal=True):
        st.badge(
            "live" if item["is_live"] else "not live", color="green" if item["is_live"] else "gray"
        )
        if item["is_pinned"]:
            st.badge("sh_p pinned", color="blue", icon=":material/keep:")
        for flag in raised:
            st.badge(flag.name, color=_SHADES.get(flag.severity, "orange"), icon=":material/flag:")
    for flag in raised:
        stands = standing.get(flag.column, "")
        st.markdown(f"**{flag.label}** ({flag.severity}{stands}): {flag.what_to_do}")
    layout.figures(
        [
            Figure("Answers", f"{item['attempts']:,}", "All answers, repeated attempts included."),
            Figure(
                "Correct",
                layout.percent(item["p_value"]),
                "p value: share of first answers correct.",
            ),
            Figure(
                "Point-biserial",
                layout.number(item["r_point_biserial"]),
                "Correlation of the item with the rest of the quiz, first answers.",
            ),
            Figure(
                "Exposure, 28 days",
                layout.percent(item["exposure_rate_28d"]),
                "Served ÷ quizzes ended. 95% interval "
                f"{layout.percent(item['exposure_rate_28d_lower'])} to "
                f"{layout.percent(item['exposure_rate_28d_upper'])}; τ is {item['tau']:g}.",
            ),
            Figure(
                "sh_p",
                layout.number(item["sh_p"]),
                f"Chance to be administered once selected.{_predicted(item)}",
            ),
        ]
    )


def _predicted(item: pd.Series) -> str:
    """How often it is served beside what its calibration predicts; "" where nothing does."""
    if pd.isna(item["predicted_exposure_rate"]):
        return ""
    since = (
        f"was {layout.percent(item['observed_exposure_rate'])} of {item['observed_sessions']:,.0f}"
        if item["observed_sessions"]
        else "is not known yet"
    )
    return (
        f" Its certificate predicts {layout.percent(item['predicted_exposure_rate'])} of controlled"
        f" quizzes; since then it {since}."
    )


def _curve(item: pd.Series) -> None:
    answers = items.answers_by_ability(
        item["tenant_id"], item["exam_code"], int(item["question_id"]), int(item["version"])
    )
    observed = item_evidence.correct_by_ability(answers)
    if observed.empty and np.isnan(float(item["a"] or np.nan)):
        layout.empty(
            "Neither parameters nor answers",
            "It needs answers in adaptive quizzes; parameters come with the next calibration.",
        )
        return
    layout.chart(
        charts.characteristic_curve(_fitted(item), observed),
        "Fitted characteristic curve with observed shares correct by ability",
    )
    st.caption(
        "Line: fitted probability. Dots: share correct among students of like ability (half a "
        "logit), with 95% Wilson intervals; groups under 10 answers are left out. Ability is the "
        "estimate at the end of the quiz, which leans towards the mean."
    )
    if observed.empty:
        st.info("No group of like ability has 10 first answers in adaptive quizzes yet.")


@st.cache_data(show_spinner="Loading the response model …", max_entries=500)
def _probabilities(a: float, b: float, c: float) -> pd.DataFrame:
    from calibration import ItemBank

    theta = np.linspace(-4, 4, 161)
    shares = ItemBank([a], [b], [c], D=D).expected_score(theta)[:, 0]
    return pd.DataFrame({"theta": theta, "share": shares})


def _fitted(item: pd.Series) -> pd.DataFrame:
    if pd.isna(item["a"]):
        st.info("This item has no parameters yet: it gets them once it has enough first answers.")
        return pd.DataFrame({"theta": [], "share": []})
    return _probabilities(float(item["a"]), float(item["b"]), float(item["c"]))
