"""Writes the planted content and sessions, in the caller's transaction.

What never lives here: what is planted.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import sql

from qbank.demo.content import (
    DAYS,
    DRAFTS,
    EXAMS,
    TITLES,
    TREE,
    Units,
    difficulty_label,
    leaves,
)
from qbank.demo.delivery import TEST_LENGTH
from qbank.demo.rows import Rows
from qbank.postgres import Connection

TAU = 0.2
# an exam to practise for: all is explained, and it may be sat again and again
ATTEMPTS = {"max_attempts": None, "feedback": True, "review": "items"}
AUTHORS = ("demo-author-1", "demo-author-2", "demo-author-3")


def write_content(connection: Connection, units: Units, tenant: str, today: date) -> list[int]:
    """Writes exams, topics, blueprints, questions, options; returns the ids of the questions."""
    for exam in EXAMS:
        connection.execute(
            "INSERT INTO exams (exam_code, tenant_id, title, irt_model, tau, test_length, policy)"
            " VALUES (%s, %s, %s, '2pl', %s, %s, %s)",
            [exam, tenant, TITLES[exam], TAU, TEST_LENGTH, json.dumps({"attempts": ATTEMPTS})],
        )
    topic_ids, branches = _write_topics(connection, tenant)
    _write_blueprints(connection, branches)
    count = int(units.question.max()) + 1
    ids = [_new_question(connection, tenant, units.ref(k), k) for k in range(count)]
    began = datetime.combine(today - timedelta(days=DAYS + 30), datetime.min.time(), UTC)
    names = [leaf for _, _, leaf in leaves()]
    for unit in range(units.a.size):
        question, topic = int(units.question[unit]), int(units.topic[unit])
        version = _new_version(
            connection,
            question_id=ids[question],
            version=int(units.version[unit]),
            state="published" if units.last_day[unit] > DAYS else "retired",
            stem=f"{names[topic]}: which statement is correct? (item {question + 1})",
            label=difficulty_label(float(units.b[unit])),
            bloom=1 + question % 4,
            topic=topic_ids[topic],
            author=AUTHORS[question % len(AUTHORS)],
            at=began + timedelta(days=int(units.first_day[unit]), minutes=question),
        )
        _write_options(connection, version, int(units.options[unit]), int(units.key[unit]))
        connection.execute(
            "INSERT INTO question_reviews (question_version_id, reviewer_id, status, comments_md)"
            " VALUES (%s, 'demo-reviewer', 'approved', NULL)",
            [version],
        )
    _write_drafts(connection, tenant, topic_ids, count, began)
    _publish(connection, units, ids, tenant, today)
    return ids


def write_sessions(connection: Connection, rows: Rows) -> None:
    """Copies the sessions and counts what each day served."""
    for table, data in (
        ("quiz_sessions", rows.sessions),
        ("quiz_items", rows.items),
        ("user_responses", rows.responses),
    ):
        copy_in(connection, table, data)
    connection.execute(
        "INSERT INTO exposure_daily (day, exam_code, question_id, version, served)"
        " SELECT (q.served_at AT TIME ZONE 'UTC')::date, s.exam_code, q.question_id, q.version,"
        " count(*) FROM quiz_items AS q JOIN quiz_sessions AS s ON s.id = q.quiz_id"
        " WHERE s.id = ANY(%s) GROUP BY 1, 2, 3, 4",
        [rows.sessions.column("id").to_pylist()],
    )


def copy_in(connection: Connection, table: str, data: pa.Table) -> None:
    """Copies a table's columns by name."""
    sink = pa.BufferOutputStream()
    pa_csv.write_csv(data, sink, pa_csv.WriteOptions(include_header=False))
    query = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, data.column_names))
    )
    with connection.cursor().copy(query) as copy:
        copy.write(sink.getvalue().to_pybytes())


def _write_topics(connection: Connection, tenant: str) -> tuple[list[int], dict[str, int]]:
    def topic(parent: int | None, name: str) -> int:
        return _id(
            connection,
            "INSERT INTO topics (tenant_id, parent_id, name, blueprint_code)"
            " VALUES (%s, %s, %s, %s) RETURNING id",
            [tenant, parent, name, name.upper().replace(" ", "-")],
        )

    leaf_ids, branch_ids = [], {}
    for root, branches in TREE.items():
        root_id = topic(None, root)
        for branch, names in branches.items():
            branch_ids[branch] = topic(root_id, branch)
            leaf_ids += [topic(branch_ids[branch], name) for name in names]
    return leaf_ids, branch_ids


def _write_blueprints(connection: Connection, branches: dict[str, int]) -> None:
    # the second exam leans towards disease
    clinical = ("Pathology", "Microbiology", "Immunology", "Pharmacology")
    for exam in EXAMS:
        weight = {b: 2.0 if exam == EXAMS[1] and b in clinical else 1.0 for b in branches}
        total = sum(weight.values())
        for branch, topic_id in branches.items():
            share = round(weight[branch] / total, 4)
            connection.execute(
                "INSERT INTO exam_blueprints (exam_code, topic_id, target_weight, min_items)"
                " VALUES (%s, %s, %s, %s)",
                [exam, topic_id, share, int(share * TEST_LENGTH)],  # of a test
            )


def _new_question(connection: Connection, tenant: str, ref: str, number: int) -> int:
    return _id(
        connection,
        "INSERT INTO questions (tenant_id, external_ref, created_by) VALUES (%s, %s, %s)"
        " RETURNING id",
        [tenant, ref, AUTHORS[number % len(AUTHORS)]],
    )


def _new_version(connection: Connection, **v: Any) -> int:
    return _id(
        connection,
        "INSERT INTO question_versions (question_id, version, state, stem_md, difficulty_label,"
        " bloom_level, topic_id, tags, rationale_md, created_by, created_at)"
        " VALUES (%(question_id)s, %(version)s, %(state)s, %(stem)s, %(label)s, %(bloom)s,"
        " %(topic)s, %(tags)s, 'Planted for the demo.', %(author)s, %(at)s) RETURNING id",
        v | {"tags": json.dumps(["demo"])},
    )


def _write_options(connection: Connection, version: int, options: int, key: int) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO question_options (question_version_id, option_label, option_text_md,"
            " is_correct) VALUES (%s, %s, %s, %s)",
            [(version, "ABCDE"[k], f"Statement {k + 1}", k == key) for k in range(options)],
        )


def _write_drafts(
    connection: Connection, tenant: str, topics: list[int], first: int, began: datetime
) -> None:
    for number in range(DRAFTS):
        question = _new_question(connection, tenant, f"DEMO-DRAFT-{number + 1:02d}", number)
        version = _new_version(
            connection,
            question_id=question,
            version=1,
            state="review" if number % 2 else "draft",
            stem=f"A draft that is not delivered (item {first + number + 1})",
            label=None,
            bloom=None,
            topic=topics[number % len(topics)],
            author=AUTHORS[number % len(AUTHORS)],
            at=began,
        )
        _write_options(connection, version, 4, number % 4)


def _publish(
    connection: Connection, units: Units, ids: list[int], tenant: str, today: date
) -> None:
    first = today - timedelta(days=DAYS)
    rows = [
        (
            ids[int(units.question[u])],
            int(units.version[u]),
            exam,
            tenant,
            datetime.combine(
                first + timedelta(days=int(units.first_day[u])), datetime.min.time(), UTC
            ),
        )
        for k, exam in enumerate(EXAMS)
        for u in range(units.a.size)
        if units.in_exam[u, k] and units.last_day[u] > DAYS
    ]
    copy_in(
        connection,
        "question_publications",
        pa.table(
            dict(
                zip(
                    ("question_id", "live_version", "exam_code", "tenant_id", "published_at"),
                    map(list, zip(*rows, strict=True)),
                    strict=True,
                )
            )
        ),
    )


def _id(connection: Connection, query: Any, values: Any) -> int:
    row = connection.execute(query, values).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])
