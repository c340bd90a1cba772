"""My mastery: how a student does, topic by topic. What never lives here: other people's."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qbank_console import layout, navigation, session
from qbank_console.api import quizzes, topics
from qbank_console.views.topic_charts import student_topics


def page() -> None:
    """A chart an exam, from the last night."""
    layout.heading("My mastery", "How well you know each topic; renewed every night.")
    rows = quizzes.mastery(session.api(), session.current().user_id)
    if not rows:
        layout.empty(
            "Nothing here yet",
            "Take a quiz; your topics appear after the night.",
            ":material/trending_up:",
        )
        st.page_link(navigation.page("quiz"), label="Take a quiz", icon=":material/edit_note:")
        return
    known = pd.DataFrame(rows)
    tree = topics.topic_tree(session.api())
    known["topic_path"] = known["topic_id"].map(tree.paths)
    known["topic_name"] = known["topic_path"].str.split(" / ").str[-1]
    known["depth"] = known["topic_path"].str.count(" / ")
    exams = sorted(known["exam_code"].unique())
    exam = layout.choose("Exam", {code: code for code in exams}, "exam", width=340)
    shown = known[known["exam_code"] == exam].dropna(subset=["topic_path"])
    shown = shown.sort_values("topic_path")
    student_topics(shown)
    weakest = shown[shown["attempts"] >= 3].nsmallest(3, "mastery")
    if not weakest.empty:
        names = ", ".join(weakest["topic_name"])
        st.info(f"Practise next: {names}.", icon=":material/lightbulb:")
