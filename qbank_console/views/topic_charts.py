"""How topics of a tree are named and drawn, for students and analysts alike.

What never lives here: where mastery comes from.
"""

from __future__ import annotations

import pandas as pd

from qbank_console import layout
from qbank_console.charts import topics as charts

MOST_TOPICS = 24  # more than that are cut to two levels


def indented(known: pd.DataFrame) -> pd.Series:
    """Topic names that are unique and show their depth, in the order of the tree."""
    parents = known["topic_path"].str.split(" / ").str[-2].fillna("")
    names = known["topic_name"].where(
        ~known["topic_name"].duplicated(keep=False), known["topic_name"] + " (" + parents + ")"
    )
    return known["depth"].map(lambda depth: "\u2003" * depth) + names


def student_topics(known: pd.DataFrame) -> None:
    """A student's topics as a chart, of a frame as ``marts.topics.mastery_of_student`` gives it."""
    shown = known[known["depth"] <= 1] if len(known) > MOST_TOPICS else known
    layout.chart(
        charts.mastery_of_student(
            pd.DataFrame(
                {
                    "topic": indented(shown),
                    "mastery": shown["mastery"],
                    "lower": shown["mastery_lower"],
                    "upper": shown["mastery_upper"],
                    "accuracy": shown["accuracy"],
                    "attempts": shown["attempts"],
                }
            )
        ),
        "Mastery by topic of one student",
    )
