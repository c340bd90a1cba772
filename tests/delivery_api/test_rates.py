"""What one account may take: it neither closes an exam to others nor floods the service."""

from __future__ import annotations

import secrets
from collections import Counter
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi.testclient import TestClient

from delivery_api.app import create_app
from qbank.settings import get_settings
from tests.delivery_api.conftest import FREE, add_exam


@pytest.fixture
def processes(world, monkeypatch):
    """Starts the app several times, with limits: what they share is Postgres alone."""
    with ExitStack() as stack:

        def start(count: int, **limits: int) -> list[TestClient]:
            for name, value in limits.items():
                monkeypatch.setenv(f"QBANK_{name}", str(value))
            apps = [create_app(settings=get_settings()) for _ in range(count)]
            return [stack.enter_context(TestClient(app)) for app in apps]

        yield start


@pytest.fixture
def exam(world) -> str:
    """An exam of 12 items that are given by information alone."""
    name = f"rates-{secrets.token_hex(4)}"
    with world.connect() as conn:
        add_exam(conn, "demo", name, world.questions[:12], attempts=FREE)
        selector = """UPDATE exams SET policy = policy || '{"selector": "vanilla"}'
            WHERE exam_code = %s"""
        conn.execute(selector, (name,))
    return name


def make(client: Any, headers: dict[str, str], exam: str, n: int = 3) -> Any:
    body = {"filters": {"exam_code": exam, "num_questions": n}}
    return client.post("/v1/quizzes", json=body, headers=headers)


def serve(client: Any, headers: dict[str, str], quiz: str) -> Any:
    return client.get(f"/v1/quizzes/{quiz}/next", headers=headers)


def answer(client: Any, headers: dict[str, str], quiz: str, item: int) -> Any:
    body = {"question_id": item, "selected": "A"}
    return client.post(f"/v1/quizzes/{quiz}/answers", json=body, headers=headers)


def refused(reply: Any, what: str, rate: int) -> bool:
    """Whether it is a 429 that says when to come again."""
    if reply.status_code != 429:
        return False
    wait = int(reply.headers["retry-after"])
    assert 1 <= wait <= 60
    assert reply.headers["ratelimit-policy"] == f'"{what}";q={rate};w=60'
    assert reply.headers["ratelimit"] == f'"{what}";r=0;t={wait}'
    assert reply.json()["type"].endswith("too-many-requests")
    return True


def test_processes_count_what_a_person_is_served_together(processes, as_user, world, exam):
    clients, ann = processes(2, ITEM_RATE_PER_MINUTE=10), as_user("ann-items", "student")
    served = []
    for k in range(16):
        quiz = make(clients[k % 2], ann, exam).json()["quiz_id"]
        served.append(serve(clients[k % 2], ann, quiz))
    assert [reply.status_code for reply in served[:10]] == [200] * 10
    assert all(refused(reply, "items", 10) for reply in served[10:])
    bob = as_user("bob-items", "student")
    other = serve(clients[0], bob, make(clients[0], bob, exam).json()["quiz_id"])
    assert other.status_code == 200
    assert other.headers["ratelimit"].startswith('"items";r=9')
    with world.connect() as conn:
        conn.execute("UPDATE quiz_items SET served_at = served_at - interval '1 minute'")
    again = create_app(settings=get_settings())
    with TestClient(again) as client:  # a process that has not seen the flood
        assert serve(client, ann, make(client, ann, exam).json()["quiz_id"]).status_code == 200


def test_processes_count_the_quizzes_of_a_person_together(processes, as_user, exam):
    clients, cat = processes(3, QUIZ_RATE_PER_MINUTE=6), as_user("cat-quizzes", "student")
    made = [make(clients[k % 3], cat, exam) for k in range(12)]
    assert [reply.status_code for reply in made[:6]] == [201] * 6
    assert all(refused(reply, "quizzes", 6) for reply in made[6:])
    # a repeated request makes nothing, so it is not one too many
    keyed = as_user("dan-quizzes", "student") | {"Idempotency-Key": "one-and-the-same"}
    again = [make(clients[k % 3], keyed, exam) for k in range(9)]
    assert {reply.status_code for reply in again} == {201}
    assert make(clients[0], as_user("eve-quizzes", "student"), exam).status_code == 201


def test_answers_are_limited_by_person_and_all_steps_by_tenant(processes, as_user, exam):
    (client,) = processes(1, ANSWER_RATE_PER_MINUTE=4)
    flo = as_user("flo-answers", "student")
    quiz = make(client, flo, exam).json()["quiz_id"]
    item = serve(client, flo, quiz).json()["question_id"]
    replies = [answer(client, flo, quiz, item) for _ in range(6)]
    assert [reply.status_code for reply in replies[:4]] == [200] * 4
    assert replies[0].headers["ratelimit"].startswith('"answers";r=3')
    assert all(refused(reply, "answers", 4) for reply in replies[4:])
    (client,) = processes(1, TENANT_RATE_PER_MINUTE=20)
    students = [as_user(f"gus-{k}", "student") for k in range(8)]
    statuses = [make(client, student, exam).status_code for student in students]
    assert statuses[0] == 201
    assert statuses[-1] == 429
    elsewhere = as_user("gus-1", "student", tenant="other")
    assert make(client, elsewhere, "theirs").status_code == 201


def test_the_daily_cap_counts_people(processes, as_user, world, exam):
    """One student takes the same items again and again: nobody else loses them."""
    (client,) = processes(1, MAX_DAILY_EXPOSURES=2)
    hal = as_user("hal-cap", "student")
    taken = []
    for _ in range(6):
        taken.append(serve(client, hal, make(client, hal, exam).json()["quiz_id"]).json())
    best = taken[0]["question_id"]
    assert {item["question_id"] for item in taken} == {best}
    ida, jon = (as_user(f"{name}-cap", "student") for name in ("ida", "jon"))
    assert (
        serve(client, ida, make(client, ida, exam).json()["quiz_id"]).json()["question_id"] == best
    ), "one person used up the cap of another"
    third = serve(client, jon, make(client, jon, exam).json()["quiz_id"])
    assert third.status_code == 200
    assert third.json()["question_id"] != best
    with world.connect() as conn:
        counted = conn.execute(
            "SELECT served, people FROM exposure_daily WHERE exam_code = %s AND question_id = %s",
            (exam, best),
        ).fetchone()
    assert counted == (7, 2)


def test_capped_items_come_last_and_close_no_exam(processes, as_user, exam):
    clients = processes(2, MAX_DAILY_EXPOSURES=1)
    given: list[list[int]] = []
    for k in range(6):
        client, student = clients[k % 2], as_user(f"kim-{k}", "student")
        quiz = make(client, student, exam, 4).json()["quiz_id"]
        given.append([])
        for _ in range(4):
            reply = serve(client, student, quiz)
            assert reply.status_code == 200, reply.text
            given[-1].append(reply.json()["question_id"])
            answer(client, student, quiz, given[-1][-1])
    fresh = [item for items in given[:3] for item in items]
    assert max(Counter(fresh).values()) == 1, "an item came again although others were left"
    assert all(len(set(items)) == 4 for items in given)
