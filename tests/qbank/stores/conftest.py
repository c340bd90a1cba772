"""A small exam to keep things about: four live items, one of them pinned nowhere yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qbank import postgres

EXAM = "algebra"


@pytest.fixture
def items(settings: object) -> list[int]:
    """Question ids of a small exam, version 1 live of each."""
    with postgres.connect("owner") as conn:
        conn.execute(
            "INSERT INTO exams (exam_code, tenant_id, title) VALUES (%s, 't', 'Algebra')", (EXAM,)
        )
        row = conn.execute(
            "INSERT INTO topics (tenant_id, name) VALUES ('t', 'Sets') RETURNING id"
        ).fetchone()
        assert row
        made = []
        for _ in range(4):
            question = conn.execute(
                "INSERT INTO questions (tenant_id, created_by) VALUES ('t', 'me') RETURNING id"
            ).fetchone()
            assert question
            conn.execute(
                "INSERT INTO question_versions (question_id, version, state, stem_md, topic_id,"
                " created_by) VALUES (%s, 1, 'published', 'stem', %s, 'me')",
                (question[0], row[0]),
            )
            conn.execute(
                "INSERT INTO question_publications (question_id, live_version, exam_code,"
                " tenant_id) VALUES (%s, 1, %s, 't')",
                (question[0], EXAM),
            )
            made.append(question[0])
    return made


@pytest.fixture
def conn(items: list[int]) -> Iterator[postgres.Connection]:
    """A connection of the orchestration role, rolled back at the end."""
    with postgres.connect("orchestration") as connection:
        yield connection
        connection.rollback()
