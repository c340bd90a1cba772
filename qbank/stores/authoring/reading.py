"""Reading questions: one with all its versions, a page of many, the topic tree."""

from __future__ import annotations

from typing import Any

from psycopg import Connection
from psycopg.rows import class_row, scalar_row

from qbank.stores.authoring.record import (
    Option,
    Question,
    QuestionFilter,
    QuestionPage,
    QuestionSummary,
    QuestionVersion,
    Review,
)
from qbank.stores.errors import NotFoundError
from qbank.stores.item_bank import Topic

_VERSION = """version, state, topic_id, stem_md, lead_in, rationale_md, difficulty_label,
    bloom_level, tags, assets, reference_list, created_by, created_at"""

_LIVE = """coalesce((SELECT jsonb_object_agg(p.exam_code, p.live_version)
    FROM question_publications AS p WHERE p.question_id = q.id), '{}')"""

_WHERE = """q.tenant_id = %(tenant)s AND NOT q.is_deleted
    AND (%(text)s::text IS NULL OR v.stem_md ILIKE %(text)s OR q.external_ref ILIKE %(text)s)
    AND (%(state)s::text IS NULL OR v.state = %(state)s)
    AND (%(difficulty)s::text IS NULL OR v.difficulty_label = %(difficulty)s)
    AND (%(topic)s::bigint IS NULL OR v.topic_id IN (
        WITH RECURSIVE below AS (
            SELECT id FROM topics WHERE id = %(topic)s
            UNION SELECT t.id FROM topics AS t JOIN below AS b ON t.parent_id = b.id)
        SELECT id FROM below))
    AND (%(exam)s::text IS NULL OR EXISTS (
        SELECT FROM question_publications AS p
        WHERE p.question_id = q.id AND p.exam_code = %(exam)s))"""

_FROM = """questions AS q JOIN LATERAL (
        SELECT * FROM question_versions AS newest WHERE newest.question_id = q.id
        ORDER BY newest.version DESC LIMIT 1) AS v ON true"""


def get(conn: Connection[Any], tenant_id: str, question_id: int) -> Question:
    """The question with all its versions.

    Raises:
        NotFoundError: no such question, or it is of another tenant.
    """
    sql = f"""SELECT q.external_ref, q.created_by, q.created_at, {_LIVE}, q.exam_code
        FROM questions AS q
        WHERE q.id = %s AND q.tenant_id = %s AND NOT q.is_deleted"""  # noqa: S608
    row = conn.execute(sql, (question_id, tenant_id)).fetchone()
    if row is None:
        raise NotFoundError(f"question {question_id} does not exist")
    reference, created_by, created_at, live, exam_code = row
    versions = _versions(conn, question_id)
    return Question(question_id, reference, created_by, created_at, versions, live, exam_code)


def _versions(conn: Connection[Any], question_id: int) -> list[QuestionVersion]:
    sql = f"""SELECT {_VERSION} FROM question_versions
        WHERE question_id = %s ORDER BY version"""  # noqa: S608
    with conn.cursor(row_factory=class_row(QuestionVersion)) as cursor:
        versions = {v.version: v for v in cursor.execute(sql, (question_id,)).fetchall()}
    options = """SELECT v.version, o.option_label::text, o.option_text_md, o.is_correct
        FROM question_versions AS v JOIN question_options AS o ON o.question_version_id = v.id
        WHERE v.question_id = %s ORDER BY v.version, o.option_label"""
    for version, *values in conn.execute(options, (question_id,)).fetchall():
        versions[version].options.append(Option(*values))
    reviews = """SELECT v.version, r.reviewer_id, r.status, r.comments_md, r.created_at
        FROM question_versions AS v JOIN question_reviews AS r ON r.question_version_id = v.id
        WHERE v.question_id = %s ORDER BY r.id"""
    for version, *values in conn.execute(reviews, (question_id,)).fetchall():
        versions[version].reviews.append(Review(*values))
    return [*versions.values()]


def search(
    conn: Connection[Any],
    tenant_id: str,
    where: QuestionFilter,
    *,
    limit: int = 50,
    offset: int = 0,
    after: int | None = None,
    total: int | None = None,
) -> QuestionPage:
    """A page of a tenant's questions in their newest version, newest question first.

    Args:
        conn: an open connection.
        tenant_id: whose questions.
        where: which of them.
        limit: questions on the page.
        offset: questions before it.
        after: only questions older than that one, by its id.
        total: how many there are, where it is known.
    """
    values = {
        "tenant": tenant_id,
        "text": None if where.text is None else f"%{_literal(where.text)}%",
        "state": where.state,
        "topic": where.topic_id,
        "difficulty": where.difficulty_label,
        "exam": where.exam_code,
        "limit": limit,
        "offset": offset,
        "after": after,
    }
    sql = f"""SELECT q.id, q.external_ref, v.version, v.state, v.topic_id, v.stem_md,
            v.difficulty_label, {_LIVE} AS live, q.created_by, q.created_at
        FROM {_FROM} WHERE {_WHERE} AND q.id < coalesce(%(after)s::bigint, 9223372036854775807)
        ORDER BY q.id DESC LIMIT %(limit)s OFFSET %(offset)s"""  # noqa: S608
    count = f"SELECT count(*) FROM {_FROM} WHERE {_WHERE}"  # noqa: S608
    with conn.cursor(row_factory=class_row(QuestionSummary)) as cursor:
        rows = tuple(cursor.execute(sql, values).fetchall())
    if total is None:
        with conn.cursor(row_factory=scalar_row) as cursor:
            total = int(cursor.execute(count, values).fetchone() or 0)
    return QuestionPage(rows, total)


def topics(
    conn: Connection[Any], tenant_id: str, *, limit: int = 200, offset: int = 0
) -> tuple[tuple[Topic, ...], int]:
    """A page of the tenant's topics by id, and how many there are."""
    sql = """SELECT id, parent_id, name, blueprint_code FROM topics
        WHERE tenant_id = %s ORDER BY id LIMIT %s OFFSET %s"""
    with conn.cursor(row_factory=class_row(Topic)) as cursor:
        rows = tuple(cursor.execute(sql, (tenant_id, limit, offset)).fetchall())
    total = conn.execute("SELECT count(*) FROM topics WHERE tenant_id = %s", (tenant_id,))
    return rows, int((total.fetchone() or (0,))[0])


def _literal(text: str) -> str:
    """The text with the wildcards of LIKE taken literally."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
