"""The baseline of the delivery bench once more, with hand-written SQL instead of an ORM.

Two queries a candidate over a window of 20, nothing kept between requests; otherwise it is given
what ours has: a connection pool, prepared statements, the same tables and indexes, the same
durability, and no authentication, limits, logs, metrics or row-level security to pay for.

What never lives here: anything the product uses.
"""

from __future__ import annotations

import math
import os
import random
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from fastapi import FastAPI, HTTPException
from psycopg_pool import ConnectionPool
from pydantic import BaseModel

WINDOW = 20
NODES = [-4 + 0.2 * k for k in range(41)]

app = FastAPI()
pool = ConnectionPool(
    os.environ["BASELINE_DSN"],
    min_size=4,
    max_size=16,
    kwargs={"prepare_threshold": 0},
    open=False,
)


class NewQuiz(BaseModel):
    """A quiz to make."""

    user_id: str
    exam_code: str
    num_questions: int


class NewAnswer(BaseModel):
    """An answer."""

    question_id: int
    selected: str


@contextmanager
def transaction() -> Iterator[psycopg.Connection[Any]]:
    """One transaction a request."""
    pool.open()  # at the first request of the process that uses it
    with pool.connection() as conn:
        yield conn


@app.get("/health")
def health() -> dict[str, str]:
    """Whether it runs."""
    return {"status": "ok"}


@app.post("/v1/quizzes", status_code=201)
def create(body: NewQuiz) -> dict[str, str]:
    """Makes a quiz."""
    quiz_id = str(uuid.uuid4())
    with transaction() as conn:
        conn.execute(
            """INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code,
                selector, num_questions, expires_at)
            VALUES (%s, %s, 'bench', 'tutor', true, %s, 'sympson_hetter', %s,
                now() + interval '1 hour')""",
            (quiz_id, body.user_id, body.exam_code, body.num_questions),
        )
    return {"quiz_id": quiz_id}


@app.get("/v1/quizzes/{quiz_id}/next")
def next_item(quiz_id: str) -> dict[str, Any]:
    """The best of a window of candidates, unless exposure control holds it back."""
    with transaction() as conn:
        quiz = _quiz(conn, quiz_id)
        served = conn.execute(
            "SELECT question_id FROM quiz_items WHERE quiz_id = %s", (quiz_id,)
        ).fetchall()
        theta = _theta(conn, quiz_id, quiz["exam_code"])
        candidates = conn.execute(
            """SELECT p.question_id, p.live_version, k.a, k.b, k.c
            FROM question_publications AS p
            JOIN item_calibration AS k ON k.exam_code = p.exam_code
                AND k.question_id = p.question_id AND k.version = p.live_version
            WHERE p.exam_code = %s AND NOT p.question_id = ANY(%s)
            ORDER BY random() LIMIT %s""",
            (quiz["exam_code"], [row[0] for row in served], WINDOW),
        ).fetchall()
        chosen, version, sh_p, rejected = _choose(conn, quiz["exam_code"], theta, candidates)
        conn.execute(
            """INSERT INTO quiz_items (quiz_id, question_id, version, position, selector,
                theta_before, sh_p, rejected) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)""",
            (
                quiz_id,
                chosen,
                version,
                len(served) + 1,
                quiz["selector"],
                theta,
                sh_p,
                rejected,
            ),
        )
        conn.execute(
            """INSERT INTO exposure_daily AS e (day, exam_code, question_id, version, served)
            VALUES (current_date, %s, %s, %s, 1)
            ON CONFLICT (day, exam_code, question_id, version)
            DO UPDATE SET served = e.served + 1""",
            (quiz["exam_code"], chosen, version),
        )
        stem = conn.execute(
            "SELECT id, stem_md FROM question_versions WHERE question_id = %s AND version = %s",
            (chosen, version),
        ).fetchone()
        assert stem is not None
        options = conn.execute(
            """SELECT option_label, option_text_md FROM question_options
            WHERE question_version_id = %s ORDER BY option_label""",
            (stem[0],),
        ).fetchall()
    return {
        "question_id": chosen,
        "stem_md": stem[1],
        "options": [{"label": label, "text_md": text} for label, text in options],
    }


def _choose(
    conn: psycopg.Connection[Any], exam: str, theta: float, candidates: list[Any]
) -> tuple[int, int, float, list[int]]:
    ranked = []
    for question_id, version, a, b, c in candidates:
        control = conn.execute(
            """SELECT sh_p FROM item_exposure_control
            WHERE exam_code = %s AND question_id = %s AND version = %s""",
            (exam, question_id, version),
        ).fetchone()
        served = conn.execute(
            """SELECT coalesce(sum(served), 0) FROM exposure_daily
            WHERE day = current_date AND exam_code = %s AND question_id = %s""",
            (exam, question_id),
        ).fetchone()
        if served is not None and served[0] < 1_000_000:
            sh_p = control[0] if control else 1.0
            ranked.append((information(theta, a, b, c), question_id, version, sh_p))
    ranked.sort(reverse=True)
    rejected: list[int] = []
    for _, question_id, version, sh_p in ranked:
        if random.random() < sh_p:  # noqa: S311
            return question_id, version, sh_p, rejected
        rejected.append(question_id)
    _, question_id, version, sh_p = ranked[0]
    return question_id, version, sh_p, rejected[1:]


@app.post("/v1/quizzes/{quiz_id}/answers")
def answer(quiz_id: str, body: NewAnswer) -> dict[str, Any]:
    """Records an answer and tells the new estimate."""
    with transaction() as conn:
        quiz = _quiz(conn, quiz_id)
        item = conn.execute(
            "SELECT version FROM quiz_items WHERE quiz_id = %s AND question_id = %s",
            (quiz_id, body.question_id),
        ).fetchone()
        if item is None:
            raise HTTPException(404)
        version = conn.execute(
            """SELECT id, rationale_md FROM question_versions
            WHERE question_id = %s AND version = %s""",
            (body.question_id, item[0]),
        ).fetchone()
        assert version is not None
        options = conn.execute(
            "SELECT option_label, is_correct FROM question_options WHERE question_version_id = %s",
            (version[0],),
        ).fetchall()
        key = next(label for label, is_correct in options if is_correct)
        conn.execute(
            """INSERT INTO user_responses
                (quiz_id, user_id, question_id, version, option_label, is_correct)
            VALUES (%s, %s, %s, %s, %s, %s)""",
            (
                quiz_id,
                quiz["user_id"],
                body.question_id,
                item[0],
                body.selected,
                body.selected == key,
            ),
        )
        theta = _theta(conn, quiz_id, quiz["exam_code"])
        conn.execute("UPDATE quiz_sessions SET theta = %s WHERE id = %s", (theta, quiz_id))
    return {"correct": body.selected == key, "explanation": version[1], "theta": theta}


@app.post("/v1/quizzes/{quiz_id}/finish")
def finish(quiz_id: str) -> dict[str, str]:
    """Ends a quiz."""
    with transaction() as conn:
        conn.execute("UPDATE quiz_sessions SET sealed_at = now() WHERE id = %s", (quiz_id,))
    return {"status": "finished"}


def _quiz(conn: psycopg.Connection[Any], quiz_id: str) -> dict[str, Any]:
    row = conn.execute(
        "SELECT user_id, exam_code, selector FROM quiz_sessions WHERE id = %s", (quiz_id,)
    ).fetchone()
    if row is None:
        raise HTTPException(404)
    return dict(zip(("user_id", "exam_code", "selector"), row, strict=True))


def _theta(conn: psycopg.Connection[Any], quiz_id: str, exam: str) -> float:
    answers = conn.execute(
        """SELECT k.a, k.b, k.c, r.is_correct FROM user_responses AS r
        JOIN item_calibration AS k ON k.exam_code = %s AND k.question_id = r.question_id
            AND k.version = r.version WHERE r.quiz_id = %s""",
        (exam, quiz_id),
    ).fetchall()
    return estimate(answers)


def estimate(answers: Sequence[tuple[float, float, float, bool]]) -> float:
    """EAP of θ from answers (a, b, c, correct)."""
    total = mean = 0.0
    for node in NODES:
        weight = math.exp(-0.5 * node * node)
        for a, b, c, is_correct in answers:
            p = _probability(node, a, b, c)
            weight *= p if is_correct else 1 - p
        total += weight
        mean += weight * node
    return mean / total


def _probability(theta: float, a: float, b: float, c: float) -> float:
    return c + (1 - c) / (1 + math.exp(-1.7 * a * (theta - b)))


def information(theta: float, a: float, b: float, c: float) -> float:
    """Fisher information of the 3PL."""
    p = _probability(theta, a, b, c)
    return (1.7 * a) ** 2 * ((1 - p) / p) * ((p - c) / (1 - c)) ** 2
