"""Putting a version live in an exam, and taking a question out of use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from qbank import four_eyes
from qbank.stores import default_exam, item_bank
from qbank.stores.authoring.reading import get
from qbank.stores.authoring.record import Question
from qbank.stores.errors import ConflictError, NotFoundError
from qbank.system_user import person_of


@dataclass(frozen=True)
class Publication:
    """What is live now.

    Attributes:
        changed: False where it was live already.
    """

    question_id: int
    exam_code: str
    live_version: int
    changed: bool


def publish(
    conn: Connection[Any],
    tenant_id: str,
    question_id: int,
    exam_code: str | None,
    *,
    version: int | None = None,
    published_by: str,
) -> Publication:
    """Makes a version live in an exam; publishing what is live already changes nothing.

    Args:
        conn: an open connection; the caller commits.
        tenant_id: whose question and exam.
        question_id: the question.
        exam_code: the exam; None: the one that the question is written for, else the tenant's
            default.
        version: an approved or published version; the newest of these where None.
        published_by: who publishes it.

    Raises:
        NotFoundError: no such question, version or exam.
        ConflictError: the version is not approved, or is retired, or is void in the exam, or the
            exam wants four eyes and only its author's have seen it.
        RequestError: no exam is named, and none follows.
    """
    named = exam_code or _written_for(conn, tenant_id, question_id)
    exam = item_bank.exam(conn, named, tenant_id=tenant_id)
    exam_code = exam.exam_code
    # one publication of a question at a time, or two could each see the other's version as live; no
    # key lock: a rescore that this waits for refers to the question
    conn.execute("SELECT FROM questions WHERE id = %s FOR NO KEY UPDATE", (question_id,))
    question = get(conn, tenant_id, question_id)
    chosen = _publishable(question, version)
    _refuse_void(conn, question_id, chosen, exam_code)
    if question.live.get(exam_code) != chosen and four_eyes.wanted(exam_code, exam.policy):
        _refuse_two_eyes(question, chosen, exam_code, published_by)
    conn.execute(
        """UPDATE question_versions SET state = 'published'
        WHERE question_id = %s AND version = %s AND state = 'approved'""",
        (question_id, chosen),
    )
    sql = """INSERT INTO question_publications AS p
            (question_id, live_version, exam_code, tenant_id) VALUES (%s, %s, %s, %s)
        ON CONFLICT (question_id, tenant_id, exam_code) DO UPDATE
        SET live_version = excluded.live_version, published_at = now()
        WHERE p.live_version <> excluded.live_version"""
    changed = conn.execute(sql, (question_id, chosen, exam_code, tenant_id)).rowcount == 1
    return Publication(question_id, exam_code, chosen, changed)


def _written_for(conn: Connection[Any], tenant_id: str, question_id: int) -> str:
    """The exam that a question is of, where none is named."""
    sql = "SELECT exam_code FROM questions WHERE id = %s AND tenant_id = %s"
    row = conn.execute(sql, (question_id, tenant_id)).fetchone()
    if row is not None and row[0] is not None:
        return str(row[0])
    return default_exam.code(conn, tenant_id)


def _publishable(question: Question, version: int | None) -> int:
    versions = {v.version: v.state for v in question.versions}
    if version is not None and version not in versions:
        raise NotFoundError(f"question {question.id} has no version {version}")
    fit = [v for v, state in versions.items() if state in ("approved", "published")]
    if version is None and fit:
        return max(fit)
    if version in fit:
        return int(version or 0)
    newest = version or max(versions)
    raise ConflictError(
        f"version {newest} of question {question.id} is {versions[newest]}:"
        " only an approved version can be published"
    )


def _refuse_void(conn: Connection[Any], question_id: int, version: int, exam_code: str) -> None:
    sql = "SELECT is_void FROM score_answer(%s, %s, %s, '')"
    row = conn.execute(sql, (exam_code, question_id, version)).fetchone()
    if row and row[0]:
        raise ConflictError(
            f"version {version} of question {question_id} is void in exam {exam_code!r}: its key is"
            " wrong or it has none. Write a new version, or give it a key with qbank rescore"
        )


def _refuse_two_eyes(question: Question, version: int, exam_code: str, published_by: str) -> None:
    """Lets the author of a version, or who imported it, neither approve it alone nor publish it."""
    chosen = next(v for v in question.versions if v.version == version)
    author = person_of(chosen.created_by)
    approved_by = {r.reviewer_id for r in chosen.reviews if r.status == "approved"}
    what = (
        f"exam {exam_code!r} wants four eyes, and version {version} of question {question.id}"
        f" was written by {author}"
    )
    if not approved_by - {author}:
        raise ConflictError(f"{what} and approved by nobody else: have somebody else approve it")
    if published_by == author:
        raise ConflictError(f"{what}: have somebody else publish it")


def retire(
    conn: Connection[Any], tenant_id: str, question_id: int, *, version: int | None = None
) -> Question:
    """Takes a version, or all published ones, out of use in all exams; doing it again is nothing.

    Raises:
        NotFoundError: no such question or version.
        ConflictError: the named version was never published.
    """
    conn.execute("SELECT FROM questions WHERE id = %s FOR NO KEY UPDATE", (question_id,))
    states = {v.version: v.state for v in get(conn, tenant_id, question_id).versions}
    if version is not None and version not in states:
        raise NotFoundError(f"question {question_id} has no version {version}")
    if version is not None and states[version] not in ("published", "retired"):
        raise ConflictError(
            f"version {version} of question {question_id} is {states[version]}:"
            " only what was published can be retired"
        )
    doomed = [v for v, s in states.items() if s == "published" and version in (None, v)]
    # the states first: an import that puts one of them live at this moment is waited for
    conn.execute(
        """UPDATE question_versions SET state = 'retired'
        WHERE question_id = %s AND version = ANY(%s)""",
        (question_id, doomed),
    )
    conn.execute(
        """DELETE FROM question_publications
        WHERE question_id = %s AND tenant_id = %s AND live_version = ANY(%s)""",
        (question_id, tenant_id, doomed),
    )
    return get(conn, tenant_id, question_id)
