"""A small exam with planted parameters, written set by set: quick enough for every test.

Sessions are linear forms drawn at random, so that parameters recover; later ones are adaptive under
exposure control and serve whatever the test asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from qbank import postgres


@dataclass(frozen=True)
class Planted:
    """What was written.

    Attributes:
        question_id: of each item, shape (J,).
        a, b: planted parameters, shape (J,).
    """

    exam_code: str
    question_id: np.ndarray
    a: np.ndarray
    b: np.ndarray


def plant(
    exam_code: str,
    *,
    items: int = 60,
    persons: int = 600,
    length: int = 30,
    tau: float = 0.4,
    test_length: int = 10,
    seed: int = 1,
    started: datetime | None = None,
) -> Planted:
    """Writes an exam, its items and one linear session a person."""
    random = np.random.default_rng(seed)
    a, b = np.exp(random.normal(0, 0.25, items)), random.normal(0, 1, items)
    with postgres.connect("owner") as conn:
        conn.execute(
            "INSERT INTO exams (exam_code, tenant_id, title, irt_model, tau, test_length)"
            " VALUES (%s, 't', %s, '2pl', %s, %s)",
            (exam_code, exam_code.title(), tau, test_length),
        )
        topics = _topics(conn, exam_code)
        question_id = _items(conn, exam_code, items, topics)
    planted = Planted(exam_code, question_id, a, b)
    sit(planted, persons=persons, length=length, seed=seed, started=started)
    return planted


def sit(
    planted: Planted,
    *,
    persons: int,
    length: int,
    seed: int,
    started: datetime | None = None,
    selector: str = "fixed",
    favourites: int = 0,
    prefix: str = "p",
) -> None:
    """Lets persons sit one session each; favourites are items that everybody gets."""
    random = np.random.default_rng(seed + 1000)
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    began = started or noon - timedelta(days=20)
    adaptive = selector == "sympson_hetter"
    sessions, served, answers = [], [], []
    for person in range(persons):
        theta = random.normal()
        others = random.permutation(np.arange(favourites, planted.a.size))
        given = np.concatenate([np.arange(favourites), others])[:length]
        at = began + timedelta(minutes=person)
        quiz = f"{planted.exam_code}-{prefix}{seed}-{person}"
        user = f"{prefix}{seed}-{person}"
        sessions.append(
            (quiz, user, "t", "exam", adaptive, planted.exam_code, selector, length, at,
             at + timedelta(hours=2), at + timedelta(hours=1), theta if adaptive else 0)
        )  # fmt: skip
        right = random.random(length) < 1 / (
            1 + np.exp(-1.7 * planted.a[given] * (theta - planted.b[given]))
        )
        for position, (item, correct) in enumerate(zip(given, right, strict=True), 1):
            question = int(planted.question_id[item])
            when = at + timedelta(seconds=30 * position)
            served.append((quiz, question, 1, position, when, selector))
            answers.append((quiz, user, question, 1, "A" if correct else "B", bool(correct),
                            int(random.integers(5_000, 60_000)), when))  # fmt: skip
    with postgres.connect("owner") as conn, conn.cursor() as cursor:
        for table, columns, rows in (
            ("quiz_sessions", "id, user_id, tenant_id, mode, adaptive, exam_code, selector,"
             " num_questions, started_at, expires_at, sealed_at, theta", sessions),
            ("quiz_items", "quiz_id, question_id, version, position, served_at, selector", served),
            ("user_responses", "quiz_id, user_id, question_id, version, option_label,"
             " is_correct, time_taken_ms, created_at", answers),
        ):  # fmt: skip
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)


def _topics(conn: postgres.Connection, exam_code: str) -> list[int]:
    root = conn.execute(
        "INSERT INTO topics (tenant_id, name) VALUES ('t', %s) RETURNING id", (exam_code,)
    ).fetchone()
    assert root
    made = conn.execute(
        "INSERT INTO topics (tenant_id, parent_id, name) SELECT 't', %s, name"
        " FROM unnest(%s::text[]) AS name RETURNING id",
        (root[0], [f"{exam_code} one", f"{exam_code} two"]),
    ).fetchall()
    return [row[0] for row in made]


def _items(conn: postgres.Connection, exam_code: str, items: int, topics: list[int]) -> np.ndarray:
    rows = conn.execute(
        "INSERT INTO questions (tenant_id, created_by, external_ref)"
        " SELECT 't', 'me', %s || i FROM generate_series(1, %s) AS i RETURNING id",
        (exam_code, items),
    ).fetchall()
    questions = np.array([row[0] for row in rows])
    conn.execute(
        "INSERT INTO question_versions (question_id, version, state, stem_md, topic_id,"
        " created_by) SELECT q, 1, 'published', 'stem', (%s::bigint[])[1 + i %% 2], 'me'"
        " FROM unnest(%s::bigint[]) WITH ORDINALITY AS q (q, i)",
        (topics, questions.tolist()),
    )
    conn.execute(
        "INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)"
        " SELECT q, 1, %s, 't' FROM unnest(%s::bigint[]) AS q",
        (exam_code, questions.tolist()),
    )
    return questions
