"""The fields of a version, and what they make. What never lives here: saving it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from qbank.vocabulary import Difficulty, words
from qbank_console.api.topics import TopicTree

DIFFICULTIES = words(Difficulty)
BLOOM = {
    1: "1 remember",
    2: "2 understand",
    3: "3 apply",
    4: "4 analyse",
    5: "5 evaluate",
    6: "6 create",
}
EMPTY: dict[str, Any] = {
    "topic_id": None,
    "stem_md": "",
    "lead_in": "",
    "rationale_md": "",
    "difficulty_label": None,
    "bloom_level": None,
    "tags": [],
    "assets": [],
    "reference_list": [],
    "options": [{"label": label, "text_md": "", "is_correct": label == "A"} for label in "ABCD"],
}


def edit(tree: TopicTree, start: dict[str, Any], key: str) -> dict[str, Any]:
    """Shows the fields and gives their content, as the API takes a version.

    Args:
        tree: the topics to choose from.
        start: what the fields hold at first.
        key: tells the fields of one question from those of another.
    """
    topic = st.selectbox(
        "Topic",
        list(tree.paths),
        index=list(tree.paths).index(start["topic_id"])
        if start["topic_id"] in tree.paths
        else None,
        format_func=tree.paths.__getitem__,
        placeholder="choose a topic",
        key=f"topic_{key}",
    )
    stem = st.text_area(
        "Question",
        start["stem_md"],
        height=150,
        key=f"stem_{key}",
        help="Markdown; formulas between dollar signs: $\\frac{a}{b}$",
    )
    lead_in = st.text_input("Lead-in", start["lead_in"] or "", key=f"lead_in_{key}")
    options = _options(start["options"], key)
    rationale = st.text_area(
        "Explanation", start["rationale_md"] or "", height=110, key=f"rationale_{key}"
    )
    left, right = st.columns(2)
    with left:
        difficulty = st.segmented_control(
            "Difficulty", DIFFICULTIES, default=start["difficulty_label"], key=f"difficulty_{key}"
        )
    with right:
        bloom = st.selectbox(
            "Bloom level",
            list(BLOOM),
            index=start["bloom_level"] - 1 if start["bloom_level"] else None,
            format_func=BLOOM.__getitem__,
            placeholder="not set",
            key=f"bloom_{key}",
        )
    tags = st.multiselect(
        "Tags",
        start["tags"],
        default=start["tags"],
        accept_new_options=True,
        placeholder="type one, then Enter",
        key=f"tags_{key}",
    )
    references = st.text_area(
        "References",
        "\n".join(start["reference_list"]),
        height=70,
        placeholder="one a line",
        key=f"references_{key}",
    )
    return {
        "topic_id": topic,
        "stem_md": stem,
        "lead_in": lead_in.strip() or None,
        "options": options,
        "rationale_md": rationale.strip() or None,
        "difficulty_label": difficulty,
        "bloom_level": bloom,
        "tags": tags,
        "assets": start["assets"],
        "reference_list": [line.strip() for line in references.splitlines() if line.strip()],
    }


def missing(content: dict[str, Any]) -> list[str]:
    """What must still be filled in, in words; the API checks the rest."""
    lacks = []
    if content["topic_id"] is None:
        lacks.append("a topic")
    if not content["stem_md"].strip():
        lacks.append("the question")
    if len(content["options"]) < 2:
        lacks.append("at least two options")
    if any(not option["text_md"].strip() for option in content["options"]):
        lacks.append("a text for each option")
    if sum(option["is_correct"] for option in content["options"]) != 1:
        lacks.append("exactly one correct option")
    return lacks


def _options(start: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    count = st.number_input("Options", 2, 10, len(start), key=f"count_{key}", width=140)
    labels = [option["label"] for option in start]
    labels += [label for label in "ABCDEFGHIJ" if label not in labels]
    labels = labels[: int(count)]
    texts = {option["label"]: option["text_md"] for option in start}
    key_now = next((option["label"] for option in start if option["is_correct"]), labels[0])
    correct = st.radio(
        "Correct option",
        labels,
        index=labels.index(key_now) if key_now in labels else 0,
        horizontal=True,
        key=f"correct_{key}_{len(labels)}",
    )
    return [
        {
            "label": label,
            "text_md": st.text_input(f"Option {label}", texts.get(label, ""), key=f"{label}_{key}"),
            "is_correct": label == correct,
        }
        for label in labels
    ]
