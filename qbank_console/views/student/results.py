"""What an answer was worth, and what a quiz came to. What never lives here: taking it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qbank_console import layout
from qbank_console.layout import Figure
from qbank_console.views.markdown import in_line, written


def explain(answered: dict[str, Any]) -> None:
    """An answered item with the key, the choice and the explanation, where they are told.

    Args:
        answered: item, selected and the API's reply.
    """
    item, selected, reply = answered["item"], answered["selected"], answered["reply"]
    with st.container(border=True):
        st.caption(f"Question {item['position']} of {item['num_questions']}")
        written(item["stem_md"])
        if item["lead_in"]:
            written(f"**{in_line(item['lead_in'])}**")
        for option in item["options"]:
            _option(option, selected, reply)
    if reply["scoring"] == "void":
        st.info("This question has been withdrawn: it does not count.", icon=":material/block:")
    elif reply["correct"] is None:
        st.info("Your answer is recorded. It is not explained now.", icon=":material/lock:")
    elif reply["correct"]:
        everybody = reply["scoring"] == "all"
        st.success(
            "Every answer to this question is counted as right." if everybody else "Correct.",
            icon=":material/check_circle:",
        )
    else:
        st.error(_answer(reply["correct_options"]), icon=":material/cancel:")
    if reply["explanation"]:
        with st.container(border=True):
            st.markdown(":gray[Explanation]")
            written(reply["explanation"])


def _answer(keys: list[str]) -> str:
    if not keys:
        return "The answer is not known."
    return f"The answer is {' or '.join(keys)}."


def _option(option: dict[str, Any], selected: str, reply: dict[str, Any]) -> None:
    label, text = option["label"], in_line(option["text_md"])
    keys = reply["correct_options"] or ()
    if label in keys:
        st.markdown(f":green[:material/check_circle:] **{label}** {text}")
    elif label == selected and not keys:
        st.markdown(f":gray[:material/radio_button_checked:] **{label}** {text}")
    elif label == selected:
        st.markdown(f":red[:material/cancel:] **{label}** {text}")
    else:
        st.markdown(f":gray[:material/circle:] **{label}** {text}")


def show(state: dict[str, Any]) -> None:
    """The results of a quiz that is over."""
    layout.heading("Results", f"{state['exam_code']}, {state['mode']} mode, {state['status']}.")
    if state["correct"] is None:
        done = f"{state['answered']} of {state['num_questions']} questions are answered."
        layout.empty("Nothing is told of this quiz now", done, ":material/lock:")
        return
    correct, scored = state["correct"] or 0, state["scored"] or 0
    interval = state["theta_interval"]
    layout.figures(
        [
            Figure(
                "Correct",
                f"{correct} of {scored}",
                "Of the questions that you answered and that count.",
            ),
            Figure(
                "Accuracy",
                layout.percent(correct / scored if scored else None, 0),
                "Correct ÷ answered questions that count.",
            ),
            Figure(
                "Ability θ",
                layout.number(state["theta"]),
                "Estimated from your answers, in logits: 0 is average. "
                + (f"95% interval {interval[0]:.2f} to {interval[1]:.2f}." if interval else ""),
            ),
            Figure(
                "Not answered",
                f"{state['num_questions'] - state['answered']}",
                "Of the questions that the quiz was made for.",
            ),
        ]
    )
    _corrections(state)
    if not state["served"]:
        layout.empty("No question was served", "Take another quiz.", ":material/quiz:")
        return
    if not state["items"]:
        st.caption("This exam does not tell which questions were right.")
        return
    layout.section("Question by question")
    words = {True: "✓ correct", False: "✗ wrong", None: "– not answered"}
    st.dataframe(
        pd.DataFrame(
            {
                "Question": [item["position"] for item in state["items"]],
                "Result": [
                    "withdrawn" if item["void"] else words[item["correct"]]
                    for item in state["items"]
                ],
            }
        ),
        hide_index=True,
        width=320,
        height=min(420, 38 + 36 * len(state["items"])),
        alt="Results by question",
    )


def _corrections(state: dict[str, Any]) -> None:
    """That the result is not the one that was told first, and why."""
    if not state["supersedes"]:
        return
    result, first = state["result"], state["supersedes"][0]
    why = f": {in_line(result['why'])}" if result["why"] else ""
    st.info(
        f"The key of a question was corrected on {result['made_at'][:10]}{why}. Before, "
        f"{first['correct']} of {first['scored']} were correct.",
        icon=":material/history:",
    )
