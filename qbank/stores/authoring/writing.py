"""Writing questions: a first version, a new version, a review, a topic. Nothing is overwritten."""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from qbank.stores import item_bank
from qbank.stores.authoring.limits import MAX_OPTIONS, MIN_OPTIONS
from qbank.stores.authoring.reading import get
from qbank.stores.authoring.record import Draft, Question
from qbank.stores.errors import ConflictError, InvalidValueError, NotFoundError
from qbank.stores.item_bank import Topic
from qbank.vocabulary import ReviewStatus, State

# what a review makes of a version that waits for one
_AFTER: Final[dict[ReviewStatus, State]] = {
    "pending": "review",
    "changes_requested": "draft",
    "approved": "approved",
    "rejected": "draft",
}


def create(
    conn: Connection[Any],
    tenant_id: str,
    draft: Draft,
    *,
    created_by: str,
    external_ref: str | None = None,
    exam_code: str | None = None,
) -> Question:
    """Writes a question with its first version, a draft.

    Args:
        conn: an open connection; the caller commits.
        tenant_id: whose question it is.
        draft: the first version.
        created_by: who writes it.
        external_ref: the author's own id; unique in the exam, or in the tenant without one.
        exam_code: the exam that it is written for; None: no exam in particular.

    Raises:
        InvalidValueError: options that are not 2 to 10 with one correct, or an unknown topic.
        NotFoundError: no such exam of the tenant.
        ConflictError: the exam, or the tenant, has a question of that external reference.
    """
    _check(conn, tenant_id, draft)
    key = None
    if exam_code is not None:
        key = item_bank.exam(conn, exam_code, tenant_id=tenant_id).exam_code
    sql = """INSERT INTO questions (tenant_id, external_ref, created_by, exam_code)
        VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id"""
    row = conn.execute(sql, (tenant_id, external_ref, created_by, key)).fetchone()
    if row is None:
        raise ConflictError(f"a question with external_ref {external_ref!r} exists already")
    _write_version(conn, row[0], 1, draft, created_by)
    return get(conn, tenant_id, row[0])


def add_version(
    conn: Connection[Any], tenant_id: str, question_id: int, draft: Draft, *, created_by: str
) -> Question:
    """Writes the next version of a question, a draft; earlier versions stay as they are.

    Raises:
        NotFoundError: no such question.
        InvalidValueError: as in :func:`create`.
    """
    _check(conn, tenant_id, draft)
    # the row lock makes two authors at once write two versions, not the same one twice
    hold(conn, tenant_id, question_id)
    newest = "SELECT coalesce(max(version), 0) FROM question_versions WHERE question_id = %s"
    row = conn.execute(newest, (question_id,)).fetchone()
    assert row is not None  # noqa: S101
    _write_version(conn, question_id, row[0] + 1, draft, created_by)
    return get(conn, tenant_id, question_id)


def hold(conn: Connection[Any], tenant_id: str, question_id: int) -> None:
    """Keeps others from writing versions of a question until the transaction ends.

    Raises:
        NotFoundError: no such question.
    """
    lock = "SELECT id FROM questions WHERE id = %s AND tenant_id = %s AND NOT is_deleted FOR UPDATE"
    if conn.execute(lock, (question_id, tenant_id)).fetchone() is None:
        raise NotFoundError(f"question {question_id} does not exist")


def review(
    conn: Connection[Any],
    tenant_id: str,
    question_id: int,
    *,
    reviewer_id: str,
    status: ReviewStatus,
    version: int | None = None,
    comments_md: str | None = None,
) -> Question:
    """Keeps a reviewer's word and moves the version on; the newest version where none is named.

    Raises:
        NotFoundError: no such question or version.
        ConflictError: the version is published or retired.
    """
    # the newest version is the newest until the word is kept
    hold(conn, tenant_id, question_id)
    known = get(conn, tenant_id, question_id).versions
    chosen = next((v for v in reversed(known) if version in (None, v.version)), None)
    if chosen is None:
        raise NotFoundError(f"question {question_id} has no version {version}")
    sql = """UPDATE question_versions SET state = %s
        WHERE question_id = %s AND version = %s AND state IN ('draft', 'review', 'approved')
        RETURNING id"""
    row = conn.execute(sql, (_AFTER[status], question_id, chosen.version)).fetchone()
    if row is None:
        raise ConflictError(
            f"version {chosen.version} of question {question_id} is {chosen.state}:"
            " write a new version to have it reviewed"
        )
    keep = """INSERT INTO question_reviews (question_version_id, reviewer_id, status, comments_md)
        VALUES (%s, %s, %s, %s)"""
    conn.execute(keep, (row[0], reviewer_id, status, comments_md))
    return get(conn, tenant_id, question_id)


def create_topic(
    conn: Connection[Any],
    tenant_id: str,
    name: str,
    *,
    parent_id: int | None = None,
    blueprint_code: str | None = None,
) -> Topic:
    """Writes a topic below another, or at the root.

    Raises:
        InvalidValueError: the parent does not exist.
        ConflictError: the parent has a topic of that name.
    """
    if parent_id is not None:
        _refuse_unknown_topic(conn, tenant_id, parent_id)
    sql = """INSERT INTO topics (tenant_id, parent_id, name, blueprint_code)
        VALUES (%s, %s, %s, %s) RETURNING id"""
    try:
        row = conn.execute(sql, (tenant_id, parent_id, name, blueprint_code)).fetchone()
    except UniqueViolation as error:
        raise ConflictError(f"topic {name!r} exists there already") from error
    assert row is not None  # noqa: S101
    return Topic(row[0], parent_id, name, blueprint_code)


def _check(conn: Connection[Any], tenant_id: str, draft: Draft) -> None:
    labels = [option.label for option in draft.options]
    correct = [option.label for option in draft.options if option.is_correct]
    if not MIN_OPTIONS <= len(labels) <= MAX_OPTIONS:
        raise InvalidValueError(
            f"{len(labels)} options: give {MIN_OPTIONS} to {MAX_OPTIONS} of them"
        )
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise InvalidValueError(f"option labels {twice} stand twice: give each option its own")
    if len(correct) != 1:
        raise InvalidValueError(f"options {correct} are correct: mark exactly one")
    _refuse_unknown_topic(conn, tenant_id, draft.topic_id)


def _refuse_unknown_topic(conn: Connection[Any], tenant_id: str, topic_id: int) -> None:
    sql = "SELECT 1 FROM topics WHERE id = %s AND tenant_id = %s"
    if conn.execute(sql, (topic_id, tenant_id)).fetchone() is None:
        raise InvalidValueError(f"topic {topic_id} does not exist: see the topic tree")


def _write_version(
    conn: Connection[Any], question_id: int, version: int, draft: Draft, created_by: str
) -> None:
    sql = """INSERT INTO question_versions (question_id, version, topic_id, stem_md, lead_in,
            rationale_md, difficulty_label, bloom_level, tags, assets, reference_list, created_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"""
    values = (
        question_id,
        version,
        draft.topic_id,
        draft.stem_md,
        draft.lead_in,
        draft.rationale_md,
        draft.difficulty_label,
        draft.bloom_level,
        Jsonb(list(draft.tags)),
        Jsonb(list(draft.assets)),
        Jsonb(list(draft.reference_list)),
        created_by,
    )
    row = conn.execute(sql, values).fetchone()
    assert row is not None  # noqa: S101
    options = """INSERT INTO question_options
            (question_version_id, option_label, option_text_md, is_correct)
        SELECT %s, o.* FROM unnest(%s::text[], %s::text[], %s::boolean[]) AS o"""
    labels = [option.label for option in draft.options]
    texts = [option.text_md for option in draft.options]
    correct = [option.is_correct for option in draft.options]
    conn.execute(options, (row[0], labels, texts, correct))
