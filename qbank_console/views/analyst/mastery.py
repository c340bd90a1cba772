"""Topic mastery: of all students and of one. What never lives here: the estimate."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qbank_console import layout
from qbank_console.charts import topics as charts
from qbank_console.layout import Figure
from qbank_console.marts import topics
from qbank_console.views.analyst import choosing
from qbank_console.views.topic_charts import indented, student_topics

STUDENTS_LISTED = 200


def page() -> None:
    """Two ways to look: by topic, by student."""
    layout.heading(
        "Topic mastery", "Accuracy by topic, steadied where answers are few, rolled up the tree."
    )
    exam = choosing.exam()
    by_topic, by_student = st.tabs(["By topic", "By student"])
    with by_topic:
        _by_topic(exam["exam_code"])
    with by_student:
        _by_student(exam["exam_code"])


def _by_topic(code: str) -> None:
    known = topics.mastery_by_topic(choosing.tenant(), code)
    if known.empty:
        layout.empty("No answers yet", "Mastery appears after the night that follows them.")
        return
    depth = _levels(known)
    shown = known[known["depth"] <= depth]
    layout.chart(
        charts.mastery_spread(
            pd.DataFrame(
                {
                    "topic": indented(shown),
                    "median": shown["mastery_median"],
                    "p25": shown["mastery_p25"],
                    "p75": shown["mastery_p75"],
                    "students": shown["students"],
                    "attempts": shown["attempts"],
                }
            )
        ),
        "Spread of mastery by topic",
    )
    shares = ["accuracy", "mastery_median"]
    st.dataframe(
        shown.assign(**layout.percentages(shown[shares])),
        column_order=["topic_path", "students", "attempts", *shares, "mean_time_s"],
        hide_index=True,
        column_config={
            "topic_path": st.column_config.TextColumn("Topic", width=230),
            "students": st.column_config.NumberColumn("Students", format="localized"),
            "attempts": st.column_config.NumberColumn("Answers", format="localized"),
            "accuracy": layout.percent_column("Correct"),
            "mastery_median": layout.percent_column("Median mastery"),
            "mean_time_s": st.column_config.NumberColumn("Mean time (s)", format="%.0f"),
        },
        alt="Mastery by topic",
    )


def _levels(known: pd.DataFrame) -> int:
    deepest = int(known["depth"].max())
    if deepest == 0:
        return 0
    labels = {
        level: "Top topics" if level == 0 else f"{level + 1} levels" for level in range(deepest + 1)
    }
    chosen = st.segmented_control(
        "Detail",
        list(labels),
        default=min(1, deepest),
        required=True,
        format_func=labels.__getitem__,
    )
    return int(chosen if chosen is not None else deepest)


def _by_student(code: str) -> None:
    wanted = st.text_input(
        "Student", placeholder="part of the id", icon=":material/search:", width=340
    )
    found = topics.students(choosing.tenant(), code, wanted.strip(), STUDENTS_LISTED)
    if found.empty:
        layout.empty("No such student", "Type another part of the id, or clear the field.")
        return
    more = " or more" if len(found) == STUDENTS_LISTED else ""
    user = layout.choose(
        f"{len(found)}{more} found", {name: name for name in found["user_id"]}, "student", width=340
    )
    assert user is not None  # noqa: S101  (one is chosen from the start)
    row = found.iloc[found["user_id"].tolist().index(user)]
    layout.figures(
        [
            Figure(
                "Ability θ",
                layout.number(row["theta"]),
                "EAP in logits at the end of the latest quiz; 95% interval "
                f"{row['theta_lower']:.2f} to {row['theta_upper']:.2f}.",
            ),
            Figure(
                "Quizzes", f"{row['sessions_scored']:,}", "Quizzes that ended, with an ability."
            ),
            Figure("Latest", f"{row['estimated_at']:%-d %b %Y}", "End of the latest quiz."),
        ]
    )
    student_topics(topics.mastery_of_student(choosing.tenant(), code, user))
