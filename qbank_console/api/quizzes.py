"""Quizzes of a student, and what they add up to. What never lives here: which item comes next."""

from __future__ import annotations

from qbank_console.api.client import Api, Json


def create(api: Api, filters: Json, *, adaptive: bool, blueprint_quota: bool) -> Json:
    """Makes a quiz: quiz_id, num_questions, mode, expires_at.

    Where the blueprint's quota is not asked for, the exam's policy decides.
    """
    quota = {"blueprint_quota": True} if blueprint_quota else {}
    return dict(api.post("/quizzes", {"filters": filters, "adaptive": adaptive} | quota))


def next_item(api: Api, quiz_id: str) -> Json:
    """The item to answer; the same one until it is answered."""
    return dict(api.get(f"/quizzes/{quiz_id}/next"))


def answer(api: Api, quiz_id: str, question_id: int, selected: str, time_ms: int) -> Json:
    """Answers an item; in tutor mode the reply explains."""
    body = {"question_id": question_id, "selected": selected, "time_taken_ms": time_ms}
    return dict(api.post(f"/quizzes/{quiz_id}/answers", body))


def finish(api: Api, quiz_id: str) -> Json:
    """Seals a quiz and gives its results."""
    return dict(api.post(f"/quizzes/{quiz_id}/finish"))


def state(api: Api, quiz_id: str) -> Json:
    """Progress, and the results as soon as the mode allows."""
    return dict(api.get(f"/quizzes/{quiz_id}"))


def mastery(api: Api, user_id: str) -> list[Json]:
    """The student's topics in all exams, from the last night."""
    return api.rows(f"/results/topics/{user_id}")
