"""What a step tells is there where the step is: once, in order, and as the contract says."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from delivery_api.app import create_app
from delivery_api.quizzes import client_events
from qbank.events import event_id, for_students
from qbank.project_files import checkout
from tests.delivery_api.conftest import World
from tests.delivery_api.test_attempts import new_exam
from tests.delivery_api.test_quizzes import answer
from tests.delivery_api.test_submission import following, time_is_over
from tests.qbank.events.documents import sent

__all__ = ["new_exam", "time_is_over"]
CLIENT = {"device": "tablet", "app_version": "1.2.3", "latency_ms": 41}


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[TestClient]:
    on = world.settings.model_copy(update={"events": True})
    with TestClient(create_app(settings=on), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="module")
def silent(world: World) -> Iterator[TestClient]:
    """The same without events."""
    with TestClient(create_app(settings=world.settings), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def student(as_user: Any, request: pytest.FixtureRequest) -> dict[str, str]:
    return as_user(request.node.name, "student")


def told(world: World, aggregate: str) -> list[dict[str, Any]]:
    """Events of a quiz or an item, as the relay sends them."""
    with world.connect() as conn:
        return sent(conn, aggregate)


def types(world: World, quiz: str) -> list[str]:
    return [event["type"] for event in told(world, quiz)]


def begin(client: TestClient, headers: dict[str, str], **wish: Any) -> str:
    filters = {"exam_code": "core", "num_questions": 2, "mode": "tutor", **wish}
    reply = client.post("/v1/quizzes", json={"filters": filters}, headers=headers)
    assert reply.status_code == 201, reply.text
    return reply.json()["quiz_id"]


@pytest.mark.parametrize("mode", ["tutor", "exam"])
def test_each_step_is_told_once_and_a_repeated_one_never(client, world, student, mode):
    key = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"filters": {"exam_code": "core", "num_questions": 2, "mode": mode}}
    made = [client.post("/v1/quizzes", json=body, headers=student | key) for _ in range(2)]
    (quiz,) = {reply.json()["quiz_id"] for reply in made}
    given = []
    for label in "AB":
        given.append(following(client, student, quiz))
        assert following(client, student, quiz) == given[-1]
        said = {"question_id": given[-1], "selected": label, "time_taken_ms": 10**6} | (
            {"client": CLIENT} if label == "A" else {"client_latency_ms": 7}
        )
        for _ in range(2):
            done = client.post(f"/v1/quizzes/{quiz}/answers", json=said, headers=student)
            assert done.status_code == 200, done.text
    client.post(f"/v1/quizzes/{quiz}/finish", headers=student)

    events = told(world, quiz)
    step = ["question_served", "answer_submitted"]
    assert [event["type"] for event in events] == ["quiz_started", *step, *step, "quiz_finished"]
    assert len({event["id"] for event in events}) == len(events)
    assert events[1]["id"] == event_id("question_served", quiz, 1, given[0], 1)
    person = {"quiz_id": quiz, "exam": "core", "mode": mode}
    assert all(person.items() <= event["data"].items() for event in events)
    answers = [event["data"] for event in events if event["type"] == "answer_submitted"]
    assert [(a["question_id"], a["position"], a["selected"]) for a in answers] == [
        (str(given[0]), 1, "A"),
        (str(given[1]), 2, "B"),
    ]
    assert [a["is_correct"] for a in answers] == [True, False]
    # by the server's clock, for the client's is its own
    assert all(0 <= a["time_taken_ms"] < 60_000 for a in answers)
    assert [a.get("client") for a in answers] == [CLIENT, {"latency_ms": 7}]
    assert events[-1]["data"]["answered"] == 2


def test_what_students_may_see_says_nothing_of_right_and_wrong(client, world, student):
    quiz = begin(client, student, mode="exam")
    answer(client, student, quiz, following(client, student, quiz))
    seen = [for_students(event) for event in told(world, quiz)]
    assert [event["type"] for event in seen][-1] == "answer_submitted"
    assert "correct" not in json.dumps(seen)
    assert seen[-1]["data"]["selected"] == "A"
    with pytest.raises(ValueError, match="'exposure_changed' is for staff"):
        for_students({"type": "exposure_changed", "data": {}})


def test_an_item_that_counts_for_nothing_is_neither_right_nor_wrong(client, world, student):
    quiz = begin(client, student)
    question = following(client, student, quiz)
    with world.connect() as conn:
        (batch,) = conn.execute(
            """INSERT INTO import_batches (exam_code, kind, source_name, source_sha256, rows_read,
                rows_inserted, rows_known, rows_rejected, imported_by)
            VALUES ('core', 'rescore', 'key', repeat('0', 64), 0, 0, 0, 0, 't') RETURNING id"""
        ).fetchone()
        conn.execute(
            """INSERT INTO scoring_rules (import_batch_id, exam_code, question_id, version, rule,
                set_by) VALUES (%s, 'core', %s, 1, 'void', 't')""",
            (batch, question),
        )
    try:
        assert answer(client, student, quiz, question).json()["scoring"] == "void"
    finally:
        with world.connect() as conn:
            conn.execute(
                "UPDATE import_batches SET undone_at = now(), undone_by = 't' WHERE id = %s",
                (batch,),
            )
    assert told(world, quiz)[-1]["data"]["is_correct"] is None


def test_a_quiz_whose_time_is_over_has_expired_once(client, world, student, time_is_over):
    quiz = begin(client, student)
    following(client, student, quiz)
    time_is_over(quiz, 10)
    for _ in range(2):
        state = client.get(f"/v1/quizzes/{quiz}", headers=student).json()
        assert state["status"] == "expired"
    assert types(world, quiz)[2:] == ["quiz_expired"]


def test_a_step_that_is_refused_or_taken_back_tells_nothing(client, world, student, time_is_over):
    quiz = begin(client, student)
    question = following(client, student, quiz)
    before = types(world, quiz)
    assert answer(client, student, quiz, question, "Z").status_code == 422
    assert answer(client, student, quiz, question + 1).status_code == 404
    with world.connect(autocommit=True) as conn:
        # fails after the event is in, as a full disk would
        conn.execute(
            """CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'broken'; END $$"""
        )
        conn.execute(
            """CREATE CONSTRAINT TRIGGER breaks AFTER INSERT ON user_responses
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fails()"""
        )
        try:
            assert answer(client, student, quiz, question).status_code == 500
        finally:
            conn.execute("DROP TRIGGER breaks ON user_responses; DROP FUNCTION fails")
    assert types(world, quiz) == before
    assert answer(client, student, quiz, question).status_code == 200
    assert types(world, quiz) == [*before, "answer_submitted"]


def test_two_requests_at_once_tell_one_order(client, world, student):
    quiz = begin(client, student, num_questions=6)
    with ThreadPoolExecutor(2) as both:
        for _ in range(6):
            (item,) = set(both.map(lambda _: following(client, student, quiz), range(2)))
            replies = both.map(lambda _, i=item: answer(client, student, quiz, i), range(2))
            assert [reply.status_code for reply in replies] == [200, 200]
    data = [(e["type"], e["data"].get("position")) for e in told(world, quiz)]
    steps = [(kind, n) for n in range(1, 7) for kind in ("question_served", "answer_submitted")]
    assert data == [("quiz_started", None), *steps, ("quiz_finished", None)]


def test_without_events_nothing_is_written(silent, world, student):
    quiz = begin(silent, student)
    question = following(silent, student, quiz)
    said = {"question_id": question, "selected": "A", "client": CLIENT}
    assert silent.post(f"/v1/quizzes/{quiz}/answers", json=said, headers=student).is_success
    refused = tell(silent, student, quiz, question)
    assert (refused.status_code, refused.json()["type"][-10:]) == (409, "events-off")
    silent.post(f"/v1/quizzes/{quiz}/finish", headers=student)
    assert told(world, quiz) == []


def tell(on: TestClient, headers: dict[str, str], quiz: str, question: int, /, **more: Any) -> Any:
    body = {"type": "flagged", "question_id": question, **more}
    return on.post(f"/v1/quizzes/{quiz}/events", json=body, headers=headers)


def test_a_students_program_tells_each_thing_once(client, world, student):
    quiz = begin(client, student)
    question = following(client, student, quiz)
    own = str(uuid.uuid4())
    said = [
        tell(client, student, quiz, question, **more)
        for more in (
            {},
            {},
            {"type": "note_added", "id": own, "client": CLIENT},
            {"type": "note_added", "id": own},
            {"type": "note_added", "id": str(uuid.uuid4())},
        )
        for _ in range(2)
    ]
    assert {reply.status_code for reply in said} == {202}
    assert len({reply.json()["event_id"] for reply in said}) == 3
    answer(client, student, quiz, question)
    client.post(f"/v1/quizzes/{quiz}/finish", headers=student)
    # after the quiz too, for that is when explanations are read
    assert tell(client, student, quiz, question, type="explanation_viewed").status_code == 202
    events = told(world, quiz)[2:]
    assert [event["type"] for event in events] == [
        "flagged",
        "note_added",
        "note_added",
        "answer_submitted",
        "quiz_finished",
        "explanation_viewed",
    ]
    place = {"question_id": str(question), "version": 1, "position": 1}
    assert all(place.items() <= e["data"].items() for e in events if "finished" not in e["type"])
    assert events[1]["data"]["client"] == CLIENT


def test_the_same_twice_at_once_is_one_event(client, world, student):
    quiz = begin(client, student)
    question = following(client, student, quiz)
    first = event_id("flagged", quiz, question, "")
    note = "INSERT INTO quiz_events (quiz_id, event_id) VALUES (%s, %s)"
    with ThreadPoolExecutor(1) as pool, world.connect() as conn:
        conn.execute(note, (quiz, first))
        second = pool.submit(tell, client, student, quiz, question)
        waits = "SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
        deadline = time.monotonic() + 10
        while not conn.execute(waits).rowcount:
            assert time.monotonic() < deadline
        conn.commit()
        assert second.result().status_code == 202, second.result().text
    assert types(world, quiz) == ["quiz_started", "question_served"]


def test_it_tells_of_its_own_quizzes_and_what_was_served(client, world, student, as_user):
    quiz = begin(client, student)
    question = following(client, student, quiz)
    for stranger in (as_user("somebody", "student"), as_user("ann", "student", tenant="other")):
        assert tell(client, stranger, quiz, question).status_code == 404
    other = next(q for q in world.questions if q != question)
    assert tell(client, student, quiz, other).json()["type"].endswith("not-served")
    for wrong in (
        {"type": "quiz_finished"},
        {"id": "seven"},
        {"text": "what I think"},
        {"client": {"device": "x" * 65}},
        {"client": {"screen": "4k"}},
    ):
        assert tell(client, student, quiz, question, **wrong).status_code == 422, wrong
    assert types(world, quiz) == ["quiz_started", "question_served"]


def test_a_quiz_has_so_many_of_them(client, world, student):
    quiz = begin(client, student)
    question = following(client, student, quiz)
    with world.connect() as conn:
        conn.execute(
            """INSERT INTO quiz_events (quiz_id, event_id)
            SELECT %s, gen_random_uuid() FROM generate_series(2, %s)""",
            (quiz, client_events.MOST),
        )
    assert tell(client, student, quiz, question).status_code == 202
    refused = tell(client, student, quiz, question, type="note_added")
    assert (refused.status_code, refused.json()["type"][-15:]) == (409, "too-many-events")
    page = (checkout() / "docs" / "api" / "events.md").read_text()
    assert f"A quiz has at most {client_events.MOST:,} of these" in page
    # what it has is still what it has
    assert tell(client, student, quiz, question).status_code == 202
