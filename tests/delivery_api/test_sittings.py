"""Whoever administers exams finds sittings, sees one whole, and gives one more time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from delivery_api.quizzes import sittings
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


def test_nobody_sees_the_keys_of_an_own_open_sitting_in_that_of_another(client, amy, sitting):
    _, quiz = sitting
    own = sit(client, amy, 1)
    refused = client.get(f"{SITTINGS}/{quiz}", headers=amy)
    assert (refused.status_code, refused.json()["quiz_id"]) == (409, own)
    assert "selected" not in refused.text
    client.post(f"/v1/quizzes/{own}/finish", headers=amy)
    assert client.get(f"{SITTINGS}/{quiz}", headers=amy).status_code == 200


def test_nobody_sees_how_an_own_open_sitting_goes(client, amy):
    own = sit(client, amy, 2)

    def told() -> list[Any]:
        reply = client.get(SITTINGS, params={"user_id": "amy"}, headers=amy).json()
        (one,) = [one for one in reply["items"] if one["quiz_id"] == own]
        return [one["answered"], one["theta"], one["theta_se"]]

    assert told() == [2, None, None]
    client.post(f"/v1/quizzes/{own}/finish", headers=amy)
    assert None not in told()


def test_nobody_gives_an_own_sitting_more_time(client, amy, as_user):
    own = sit(client, amy, 0)
    refused = client.post(f"{SITTINGS}/{own}/extend", json={"minutes": 5}, headers=amy)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:qbank:problem:own-sitting"
    other = as_user("otto", "admin")
    longer = client.post(f"{SITTINGS}/{own}/extend", json={"minutes": 5}, headers=other)
    assert longer.status_code == 200
    client.post(f"/v1/quizzes/{own}/finish", headers=amy)


def test_a_sitting_lasts_a_week_at_most(client, amy, sitting):
    _, quiz = sitting
    replies = [
        client.post(f"{SITTINGS}/{quiz}/extend", json={"minutes": 1440}, headers=amy)
        for _ in range(7)
    ]
    assert [reply.status_code for reply in replies] == [200] * 6 + [422]
    assert "a sitting lasts 10080 minutes at most" in replies[-1].json()["detail"]
    seen = client.get(f"{SITTINGS}/{quiz}", headers=amy).json()
    assert seen["expires_at"] == replies[-2].json()["expires_at"]


def test_a_sitting_whose_result_was_told_stays_over(client, amy, as_user, sitting, world):
    user, quiz = sitting
    expires = "UPDATE quiz_sessions SET grace_s = 0, expires_at = {} WHERE id = %s"
    with world.connect() as owner, connect("delivery", settings=world.settings) as conn:
        conn.execute("SELECT set_config('qbank.tenant_id', 'demo', true), now()")
        # open when the transaction began, over when it gets there
        owner.execute(expires.format("clock_timestamp()"), (quiz,))
        owner.commit()
        assert not sittings.extend(conn, quiz, 5)
    kept = client.get(f"/v1/quizzes/{quiz}", headers=as_user(user, "student")).json()
    assert (kept["status"], kept["answered"]) == ("expired", 3)
    with world.connect() as owner:
        owner.execute(expires.format("now() + interval '1 hour'"), (quiz,))
    assert (
        client.post(f"{SITTINGS}/{quiz}/extend", json={"minutes": 5}, headers=amy)
        .json()["type"]
        .endswith("quiz-finished")
    )


def test_a_result_is_kept_of_no_sitting_that_just_gets_more_time(client, as_user, sitting, world):
    user, quiz = sitting
    student = as_user(user, "student")
    with world.connect() as conn:
        soon = """UPDATE quiz_sessions SET grace_s = 0,
            expires_at = clock_timestamp() + interval '0.3 s' WHERE id = %s"""
        conn.execute(soon, (quiz,))
        conn.commit()
        assert sittings.extend(conn, quiz, 5)
        time.sleep(0.4)
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(client.get, f"/v1/quizzes/{quiz}", headers=student)
            time.sleep(0.5)
            assert not asked.done()
            conn.commit()
        assert asked.result().json()["status"] == "open"
        kept = conn.execute("SELECT FROM quiz_results WHERE quiz_id = %s", (quiz,)).fetchall()
    assert kept == []


def test_the_newest_sittings_are_found_by_an_index(world):
    values = dict.fromkeys(["user", "exam", "status", "after_at", "after_quiz"])
    values |= {"tenant": "demo", "limit": 5, "offset": 0}
    with world.connect() as conn:
        conn.execute("SET LOCAL enable_seqscan = off")
        sql = f"EXPLAIN {sittings._PAGE}"
        plan = "".join(row[0] for row in conn.execute(sql, values).fetchall())
    assert "quiz_sessions_sittings_idx" in plan


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
        over = "UPDATE quiz_sessions SET expires_at = now(), grace_s = 0 WHERE id = %s"
        conn.execute(over, (quiz,))
    assert client.post(f"{SITTINGS}/{quiz}/extend", json=body, headers=amy).status_code == 410


def test_in_sql_too_no_sitting_gets_more_time_without_its_audit(sitting, world):
    _, quiz = sitting
    with connect("delivery", settings=world.settings) as conn:
        conn.execute("SELECT set_config('qbank.tenant_id', 'demo', true)")
        longer = "UPDATE quiz_sessions SET expires_at = expires_at + interval '1 day' WHERE id = %s"
        conn.execute(longer, (quiz,))
        with pytest.raises(psycopg.errors.IntegrityError, match=f"quiz={quiz} changes without"):
            conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
