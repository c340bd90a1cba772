"""Whoever administers exams finds sittings, sees one whole, and gives one more time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from qbank.postgres import connect
from tests.delivery_api.test_quizzes import answer

SITTINGS = "/v1/admin/sittings"


@pytest.fixture
def amy(as_user: Any) -> dict[str, str]:
    return as_user("amy", "admin", "student")


def sit(client: Any, headers: dict[str, str], answers: int) -> str:
    body = {"filters": {"exam_code": "core", "num_questions": 5, "mode": "exam"}}
    quiz = client.post("/v1/quizzes", json=body, headers=headers).json()["quiz_id"]
    for _ in range(answers):
        item = client.get(f"/v1/quizzes/{quiz}/next", headers=headers).json()
        answer(client, headers, quiz, item["question_id"])
    return quiz


@pytest.fixture
def sitting(client: Any, as_user: Any, request: pytest.FixtureRequest) -> tuple[str, str]:
    """A student, and the open sitting of theirs in which three of five items are answered."""
    user = request.node.name
    return user, sit(client, as_user(user, "student"), 3)


def test_sittings_are_found_by_person_exam_and_status(client, amy, as_user, sitting):
    user, quiz = sitting
    client.post(
        "/v1/quizzes", json={"filters": {"exam_code": "core"}}, headers=as_user(user, "student")
    )
    finished = sit(client, as_user(user, "student"), 5)

    def found(**query: Any) -> list[str]:
        reply = client.get(SITTINGS, params={"user_id": user} | query, headers=amy)
        assert reply.status_code == 200, reply.text
        assert reply.json()["total"] == len(reply.json()["items"])
        return [one["quiz_id"] for one in reply.json()["items"]]

    # practice is no sitting
    assert found() == [finished, quiz]
    assert found(status="open") == [quiz]
    assert found(status="finished", exam_code="core") == [finished]
    assert found(exam_code="nowhere") == []


def test_a_sitting_is_seen_whole(client, amy, sitting, world):
    _, quiz = sitting
    seen = client.get(f"{SITTINGS}/{quiz}", headers=amy).json()
    assert (seen["served"], seen["answered"], seen["status"]) == (3, 3, "open")
    with world.connect() as conn:
        sql = """SELECT question_id, theta_before, sh_p, rejected FROM quiz_items
            WHERE quiz_id = %s ORDER BY position"""
        kept = conn.execute(sql, (quiz,)).fetchall()
    steps = seen["steps"]
    assert [
        (step["question_id"], step["theta_before"], step["sh_p"], step["held_back"])
        for step in steps
    ] == kept
    assert len({step["theta_before"] for step in steps}) == 3
    assert {step["selected"] for step in steps} == {"A"}
    assert all(step["correct"] and step["answered_at"] >= step["served_at"] for step in steps)


def test_nobody_sees_the_key_of_an_own_open_sitting(client, amy):
    own = sit(client, amy, 1)
    refused = client.get(f"{SITTINGS}/{own}", headers=amy)
    assert (refused.status_code, refused.json()["quiz_id"]) == (409, own)
    client.post(f"/v1/quizzes/{own}/finish", headers=amy)
    assert client.get(f"{SITTINGS}/{own}", headers=amy).status_code == 200


def test_an_open_sitting_gets_more_time_and_one_that_is_over_none(
    client, amy, as_user, sitting, world
):
    user, quiz = sitting
    student = as_user(user, "student")
    before = client.get(f"/v1/quizzes/{quiz}", headers=student).json()["expires_at"]
    body = {"minutes": 15, "why": "the fire alarm went"}
    longer = client.post(f"{SITTINGS}/{quiz}/extend", json=body, headers=amy)
    assert longer.status_code == 200, longer.text
    after = client.get(f"/v1/quizzes/{quiz}", headers=student).json()["expires_at"]
    assert longer.json()["expires_at"] == after
    gained = datetime.fromisoformat(after) - datetime.fromisoformat(before)
    assert gained == timedelta(minutes=15)
    params = {"action": "sitting.extend"}
    (noted, *_) = client.get("/v1/admin/audit", params=params, headers=amy).json()["items"]
    assert (noted["target"], noted["details"]) == (f"quiz={quiz}", body)
    with world.connect() as conn:
        conn.execute("UPDATE quiz_sessions SET expires_at = now() WHERE id = %s", (quiz,))
    assert client.post(f"{SITTINGS}/{quiz}/extend", json=body, headers=amy).status_code == 410


def test_in_sql_too_no_sitting_gets_more_time_without_its_audit(sitting, world):
    _, quiz = sitting
    with connect("delivery", settings=world.settings) as conn:
        conn.execute("SELECT set_config('qbank.tenant_id', 'demo', true)")
        longer = "UPDATE quiz_sessions SET expires_at = expires_at + interval '1 day' WHERE id = %s"
        conn.execute(longer, (quiz,))
        with pytest.raises(psycopg.errors.IntegrityError, match=f"quiz={quiz} changes without"):
            conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
