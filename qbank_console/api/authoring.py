"""Questions: search, write, review, publish, retire. What never lives here: the editor's form."""

from __future__ import annotations

from typing import Any

from qbank_console.api.client import Api, Json


def search(api: Api, page: int, page_size: int, **where: Any) -> Json:
    """A page of questions in their newest version: items, total.

    Args:
        api: as the signed-in person.
        page: counts from 1.
        page_size: questions a page.
        **where: q, state, topic_id, difficulty, exam_code; None for any.
    """
    return dict(api.get("/author/questions", page=page, page_size=page_size, **where))


def question(api: Api, question_id: int) -> Json:
    """A question with all versions, options and reviews."""
    return dict(api.get(f"/author/questions/{question_id}"))


def create(api: Api, content: Json, external_ref: str | None) -> Json:
    """Writes a question with its first version, a draft."""
    reference = {"external_ref": external_ref} if external_ref else {}
    return dict(api.post("/author/questions", content | reference))


def add_version(api: Api, question_id: int, content: Json) -> Json:
    """Writes the next version of a question, a draft."""
    return dict(api.put(f"/author/questions/{question_id}/versions", content))


def review(api: Api, question_id: int, version: int, status: str, comments: str) -> Json:
    """Says a word on a version: pending asks for a review."""
    body = {"status": status, "version": version, "comments_md": comments or None}
    return dict(api.post(f"/author/questions/{question_id}/reviews", body))


def publish(api: Api, question_id: int, version: int, exam_code: str) -> Json:
    """Makes a version live in an exam."""
    return dict(api.post(f"/author/publish/{question_id}", exam_code=exam_code, version=version))


def retire(api: Api, question_id: int, version: int) -> Json:
    """Takes a published version out of use in all exams."""
    return dict(api.post(f"/author/questions/{question_id}/retire", {"version": version}))
