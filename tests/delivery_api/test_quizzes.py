"""A quiz from its making to its results, in this process."""

from __future__ import annotations

from typing import Any

import pytest


def make_quiz(client: Any, headers: dict[str, str], **changes: Any) -> dict[str, Any]:
    filters = {"exam_code": "core", "num_questions": 5, "mode": "tutor"}
    filters |= changes.pop("filters", {})
    answer = client.post("/v1/quizzes", json={"filters": filters} | changes, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def answer(client: Any, headers: dict[str, str], quiz: str, item: int, selected: str = "A") -> Any:
    body = {"question_id": item, "selected": selected, "time_taken_ms": 1200}
    return client.post(f"/v1/quizzes/{quiz}/answers", json=body, headers=headers)


def test_an_option_is_named_in_either_case(client, as_user):
    ann = as_user("in-either-case", "student")
    quiz = make_quiz(client, ann)["quiz_id"]
    item = client.get(f"/v1/quizzes/{quiz}/next", headers=ann).json()["question_id"]
    assert answer(client, ann, quiz, item, "a").json()["correct"] is True
    assert answer(client, ann, quiz, item, "A").status_code == 200
    assert answer(client, ann, quiz, item, "b").status_code == 409


def test_a_tutor_quiz_from_start_to_results(client, as_user, world):
    ann = as_user("ann", "student")
    quiz = make_quiz(client, ann)
    assert quiz["selector"] == "sympson_hetter"
    seen = []
    for position in range(1, 6):
        item = client.get(f"/v1/quizzes/{quiz['quiz_id']}/next", headers=ann).json()
        again = client.get(f"/v1/quizzes/{quiz['quiz_id']}/next", headers=ann).json()
        assert item == again
        assert item["position"] == position
        assert "rationale" not in str(item)
        assert "is_correct" not in str(item)
        seen.append(item["question_id"])
        result = answer(client, ann, quiz["quiz_id"], item["question_id"]).json()
        assert result["correct"] is True
        assert result["correct_option"] == "A"
        assert result["explanation"] == f"because {item['question_id']}"
        assert result["answered"] == position
    assert len(set(seen)) == 5
    assert client.get(f"/v1/quizzes/{quiz['quiz_id']}/next", headers=ann).status_code == 410
    state = client.get(f"/v1/quizzes/{quiz['quiz_id']}", headers=ann).json()
    assert state["status"] == "finished"
    assert state["correct"] == 5
    assert state["theta"] > 0.5
    low, high = state["theta_interval"]
    assert low < state["theta"] < high
    finished = client.post(f"/v1/quizzes/{quiz['quiz_id']}/finish", headers=ann)
    assert finished.json() == state
    with world.connect() as conn:
        rows = conn.execute(
            """SELECT i.position, i.theta_before, i.sh_p, r.is_correct FROM quiz_items AS i
            JOIN user_responses AS r USING (quiz_id, question_id) WHERE i.quiz_id = %s
            ORDER BY i.position""",
            (quiz["quiz_id"],),
        ).fetchall()
        assert [row[0] for row in rows] == [1, 2, 3, 4, 5]
        assert rows[0][1] == pytest.approx(0)
        assert {row[2] for row in rows} == {0.6}
        theta = conn.execute(
            "SELECT theta FROM quiz_sessions WHERE id = %s", (quiz["quiz_id"],)
        ).fetchone()
        assert theta[0] == pytest.approx(state["theta"])
        counted = conn.execute(
            "SELECT sum(served) FROM exposure_daily WHERE question_id = ANY(%s)", (seen,)
        ).fetchone()
        assert counted[0] >= 5


def test_an_exam_quiz_tells_nothing_until_it_is_sealed(client, as_user):
    ben = as_user("ben", "student")
    quiz = make_quiz(client, ben, filters={"mode": "exam"})
    for _ in range(5):
        item = client.get(f"/v1/quizzes/{quiz['quiz_id']}/next", headers=ben).json()
        result = answer(client, ben, quiz["quiz_id"], item["question_id"], "B").json()
        assert result["accepted"] is True
        assert {k for k, v in result.items() if v is None} == {
            "scoring",
            "difficulty",
            "correct",
            "correct_option",
            "correct_options",
            "explanation",
            "theta",
            "theta_se",
        }
        state = client.get(f"/v1/quizzes/{quiz['quiz_id']}", headers=ben).json()
        if state["status"] == "open":
            assert state["correct"] is None
            assert state["items"] is None
    assert state["correct"] == 0
    assert [item["correct"] for item in state["items"]] == [False] * 5


def test_the_same_answer_again_and_a_different_one(client, as_user):
    cat = as_user("cat", "student")
    quiz = make_quiz(client, cat)["quiz_id"]
    item = client.get(f"/v1/quizzes/{quiz}/next", headers=cat).json()["question_id"]
    first = answer(client, cat, quiz, item, "B")
    assert answer(client, cat, quiz, item, "B").json() == first.json()
    assert answer(client, cat, quiz, item, "A").status_code == 409
    assert answer(client, cat, quiz, 2**40).status_code == 404
    nxt = client.get(f"/v1/quizzes/{quiz}/next", headers=cat).json()["question_id"]
    refused = answer(client, cat, quiz, nxt, "Z")
    assert refused.status_code == 422
    assert "A, B, C, D" in refused.json()["detail"]


def test_finished_and_expired_quizzes_are_gone(client, as_user, world):
    dan = as_user("dan", "student")
    quiz = make_quiz(client, dan)["quiz_id"]
    item = client.get(f"/v1/quizzes/{quiz}/next", headers=dan).json()["question_id"]
    assert client.post(f"/v1/quizzes/{quiz}/finish", headers=dan).status_code == 200
    assert answer(client, dan, quiz, item).status_code == 410
    assert client.get(f"/v1/quizzes/{quiz}/next", headers=dan).status_code == 410
    late = make_quiz(client, dan)["quiz_id"]
    item = client.get(f"/v1/quizzes/{late}/next", headers=dan).json()["question_id"]
    with world.connect() as conn:
        conn.execute(
            """UPDATE quiz_sessions SET started_at = now() - interval '2 hours',
                expires_at = now() - interval '1 hour' WHERE id = %s""",
            (late,),
        )
    assert answer(client, dan, late, item).status_code == 410
    assert client.get(f"/v1/quizzes/{late}/next", headers=dan).status_code == 410
    assert client.post(f"/v1/quizzes/{late}/finish", headers=dan).status_code == 410
    assert client.get(f"/v1/quizzes/{late}", headers=dan).json()["status"] == "expired"


def test_filters_and_what_cannot_be_filled(client, as_user, world):
    eve = as_user("eve", "student")
    filters = {"topics": [world.topics["chemistry"]], "difficulty": ["easy"], "num_questions": 20}
    quiz = make_quiz(client, eve, filters=filters)["quiz_id"]
    served = []
    for _ in range(20):
        item = client.get(f"/v1/quizzes/{quiz}/next", headers=eve).json()
        served.append(item["question_id"])
        answer(client, eve, quiz, item["question_id"])
    with world.connect() as conn:
        kinds = conn.execute(
            """SELECT DISTINCT topic_id, difficulty_label FROM question_versions
            WHERE question_id = ANY(%s)""",
            (served,),
        ).fetchall()
    assert kinds == [(world.topics["acids"], "easy")]
    wanted = {"exam_code": "core", "num_questions": 21} | {
        k: filters[k] for k in ("topics", "difficulty")
    }
    refused = client.post("/v1/quizzes", json={"filters": wanted}, headers=eve)
    assert refused.status_code == 409
    assert "20 items fit the filters and 21 are asked for" in refused.json()["detail"]
    unknown = {"exam_code": "core", "topics": [2**50]}
    assert client.post("/v1/quizzes", json={"filters": unknown}, headers=eve).status_code == 422
    for exam in ("nowhere", "theirs"):
        body = {"filters": {"exam_code": exam}}
        assert client.post("/v1/quizzes", json=body, headers=eve).status_code == 404


def test_a_quiz_is_its_students_alone(client, as_user):
    fay = as_user("fay", "student")
    quiz = make_quiz(client, fay)["quiz_id"]
    item = client.get(f"/v1/quizzes/{quiz}/next", headers=fay).json()["question_id"]
    for other in (
        as_user("gus", "student"),
        as_user("fay", "student", tenant="other"),
    ):
        assert client.get(f"/v1/quizzes/{quiz}", headers=other).status_code == 404
        assert client.get(f"/v1/quizzes/{quiz}/next", headers=other).status_code == 404
        assert answer(client, other, quiz, item).status_code == 404
        assert client.post(f"/v1/quizzes/{quiz}/finish", headers=other).status_code == 404


def test_an_idempotency_key_makes_one_quiz(client, as_user):
    headers = as_user("hal", "student") | {"Idempotency-Key": "start-of-lesson-7"}
    first = make_quiz(client, headers)
    assert make_quiz(client, headers) == first
    other = as_user("ida", "student") | {"Idempotency-Key": "start-of-lesson-7"}
    assert make_quiz(client, other)["quiz_id"] != first["quiz_id"]


@pytest.mark.parametrize(
    ("filters", "more"),
    [
        ({"num_questions": 6}, {}),
        ({"mode": "exam"}, {}),
        ({"difficulty": ["easy"]}, {}),
        ({}, {"adaptive": False}),
    ],
)
def test_an_idempotency_key_is_for_one_body(client, as_user, filters, more):
    headers = as_user("hal-2", "student") | {"Idempotency-Key": "start-of-lesson-8"}
    plain = {"exam_code": "core", "num_questions": 5}
    made = client.post("/v1/quizzes", json={"filters": plain}, headers=headers).json()
    refused = client.post("/v1/quizzes", json={"filters": plain | filters} | more, headers=headers)
    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:qbank:problem:idempotency-key-reused"
    assert made["quiz_id"] in refused.json()["detail"]
    again = client.post("/v1/quizzes", json={"filters": plain}, headers=headers)
    assert again.json() == made


def test_a_quiz_that_is_not_adaptive_draws_at_random_and_repeats_nothing(client, as_user):
    jon = as_user("jon", "student")
    quizzes = []
    for _ in range(2):
        quiz = make_quiz(client, jon, adaptive=False)
        assert quiz["selector"] == "fixed"
        items = []
        for _ in range(5):
            item = client.get(f"/v1/quizzes/{quiz['quiz_id']}/next", headers=jon).json()
            items.append(item["question_id"])
            answer(client, jon, quiz["quiz_id"], item["question_id"])
        assert len(set(items)) == 5
        quizzes.append(items)
    assert quizzes[0] != quizzes[1]


def wish_of(world: Any, quiz: dict[str, Any]) -> tuple[int, bool]:
    with world.connect() as conn:
        row = conn.execute(
            "SELECT num_questions, (filters ->> 'blueprint_quota')::boolean FROM quiz_sessions"
            " WHERE id = %s",
            (quiz["quiz_id"],),
        ).fetchone()
    assert row is not None
    return row


def test_what_a_quiz_leaves_out_is_as_the_exam_has_it(client, as_user, world):
    """So that what is delivered is what its exposure control was calibrated for."""
    acids = world.topics["acids"]
    with world.connect() as conn:
        conn.execute(
            'UPDATE exams SET test_length = 8, policy = policy || \'{"quota": "blueprint"}\''
            " WHERE exam_code = 'core'"
        )
        conn.execute(
            "INSERT INTO exam_blueprints (exam_code, topic_id, target_weight, min_items)"
            " VALUES ('core', %s, 0.5, 0), ('core', %s, 0.5, 0)",
            (acids, world.topics["physics"]),
        )
    try:
        ann = as_user("certified", "student")
        body = {"filters": {"exam_code": "core", "mode": "tutor"}}
        with_key = ann | {"Idempotency-Key": "certified-1"}
        answers = [client.post("/v1/quizzes", json=body, headers=with_key) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        made, again = (answer.json() for answer in answers)
        assert made["num_questions"] == 8
        assert again == made
        assert wish_of(world, made) == (8, True)
        of_topic = make_quiz(client, ann, filters={"topics": [acids], "num_questions": 3})
        assert wish_of(world, of_topic) == (3, False)
        assert wish_of(world, make_quiz(client, ann, blueprint_quota=False)) == (5, False)
    finally:
        with world.connect() as conn:
            conn.execute("DELETE FROM exam_blueprints")
            conn.execute(
                "UPDATE exams SET test_length = 25, policy = policy - 'quota'"
                " WHERE exam_code = 'core'"
            )
    assert wish_of(world, make_quiz(client, ann)) == (5, False)


def test_no_answer_took_longer_than_since_its_item_was_served(client, as_user, world):
    headers = as_user("tim", "student")
    body = {"filters": {"exam_code": "core", "num_questions": 3}}
    quiz = client.post("/v1/quizzes", json=body, headers=headers).json()["quiz_id"]
    for claimed in (86_400_000, 1, None):
        item = client.get(f"/v1/quizzes/{quiz}/next", headers=headers).json()["question_id"]
        told = {"question_id": item, "selected": "A", "time_taken_ms": claimed}
        done = client.post(f"/v1/quizzes/{quiz}/answers", json=told, headers=headers)
        assert done.status_code == 200, done.text
    sql = "SELECT time_taken_ms FROM user_responses WHERE quiz_id = %s ORDER BY id"
    with world.connect() as conn:
        (long,), *others = conn.execute(sql, (quiz,)).fetchall()
    assert 0 <= long < 10_000
    assert others == [(1,), (None,)]
