"""Flags of items: where they stand, what changed, what happened, and deciding on one.

What never lives here: which items are flagged (``marts.items``).
"""

from __future__ import annotations

from qbank_console.api.client import Api, Json

ANSWERED = ("acknowledged", "assigned", "snoozed")


def answered(api: Api, exam: str) -> list[Json]:
    """The flags of an exam's live items that somebody has answered."""
    return api.rows("/results/flags", exam_code=exam, standing=list(ANSWERED))


def of_item(api: Api, exam: str, question: int, version: int) -> list[Json]:
    """The flags that a version bears, the most urgent first."""
    found = api.rows("/results/flags", exam_code=exam, question_id=question)
    return [flag for flag in found if flag["version"] == version]


def changes(api: Api, exam: str) -> list[Json]:
    """Flags that are new since yesterday, the most urgent first, then those that are gone."""
    return api.rows("/results/flags/changes", exam_code=exam)


def history(api: Api, exam: str, question: int) -> list[Json]:
    """What happened to a question's flags, newest first."""
    return api.rows("/results/flags/history", exam_code=exam, question_id=question)


def decide(api: Api, decision: Json) -> None:
    """Writes down a decision: exam_code, question_id, version, flag, action, reason and more."""
    api.post("/results/flags/decisions", decision)
