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
            _option(option, selected, reply["correct_option"])
    if reply["correct"] is None:
        st.info("Your answer is recorded. It is not explained now.", icon=":material/lock:")
    elif reply["correct"]:
        st.success("Correct.", icon=":material/check_circle:")
    else:
        st.error(f"The answer is {reply['correct_option']}.", icon=":material/cancel:")
    if reply["explanation"]:
        with st.container(border=True):
            st.markdown(":gray[Explanation]")
            written(reply["explanation"])


def _option(option: dict[str, Any], selected: str, correct: str | None) -> None:
    label, text = option["label"], in_line(option["text_md"])
    if label == correct:
        st.markdown(f":green[:material/check_circle:] **{label}** {text}")
    elif label == selected and correct is None:
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
    correct, answered = state["correct"] or 0, state["answered"]
    interval = state["theta_interval"]
    layout.figures(
        [
            Figure("Correct", f"{correct} of {answered}", "Of the questions that you answered."),
            Figure(
                "Accuracy",
                layout.percent(correct / answered if answered else None, 0),
                "Correct ÷ answered.",
            ),
            Figure(
                "Ability θ",
                layout.number(state["theta"]),
                "Estimated from your answers, in logits: 0 is average. "
                + (f"95% interval {interval[0]:.2f} to {interval[1]:.2f}." if interval else ""),
            ),
            Figure(
                "Not answered",
                f"{state['num_questions'] - answered}",
                "Of the questions that the quiz was made for.",
            ),
        ]
    )
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
                "Result": [words[item["correct"]] for item in state["items"]],
            }
        ),
        hide_index=True,
        width=320,
        height=min(420, 38 + 36 * len(state["items"])),
        alt="Results by question",
    )
