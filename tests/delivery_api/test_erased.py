"""A person who is erased in the middle of a quiz: it is no more, and nothing of it comes back."""

from __future__ import annotations

import threading

from qbank.people import erase
from tests.delivery_api.test_quizzes import answer, make_quiz


def _left(world, user):
    with world.connect() as conn:
        query = """SELECT (SELECT count(*) FROM quiz_sessions WHERE user_id = %(user)s)
            + (SELECT count(*) FROM user_responses WHERE user_id = %(user)s)"""
        return conn.execute(query, {"user": user}).fetchone()[0]


def test_each_step_of_an_erased_quiz_finds_none(client, as_user, world):
    ida = as_user("ida", "student")
    steps = {
        "next": lambda quiz, item: client.get(f"/v1/quizzes/{quiz}/next", headers=ida),
        "answers": lambda quiz, item: answer(client, ida, quiz, item),
        "finish": lambda quiz, item: client.post(f"/v1/quizzes/{quiz}/finish", headers=ida),
        "state": lambda quiz, item: client.get(f"/v1/quizzes/{quiz}", headers=ida),
    }
    for step in steps.values():
        quiz = make_quiz(client, ida)["quiz_id"]
        item = client.get(f"/v1/quizzes/{quiz}/next", headers=ida).json()["question_id"]
        erase("ida", with_open=True, settings=world.settings)
        done = step(quiz, item)
        assert (done.status_code, _left(world, "ida")) == (404, 0), done.text


def test_answers_that_come_in_meanwhile_are_erased_or_find_no_quiz(client, as_user, world):
    jon = as_user("jon", "student")
    quiz = make_quiz(client, jon, filters={"num_questions": 60})["quiz_id"]
    begun, statuses = threading.Event(), []

    def work():
        while True:
            item = client.get(f"/v1/quizzes/{quiz}/next", headers=jon)
            statuses.append(item.status_code)
            if item.status_code != 200:
                return
            statuses.append(answer(client, jon, quiz, item.json()["question_id"]).status_code)
            if len(statuses) > 20:
                begun.set()

    worker = threading.Thread(target=work)
    worker.start()
    assert begun.wait(60)
    erased = erase("jon", with_open=True, settings=world.settings)
    worker.join(60)
    assert erased.removed["user_responses"] >= 10
    assert ({*statuses}, statuses[-1], _left(world, "jon")) == ({200, 404}, 404, 0)


def test_a_reply_that_named_who_is_erased_is_lost_and_its_request_not_made_again(
    client, as_user, world
):
    keyed = as_user("ada", "admin") | {"Idempotency-Key": "arms-with-kim"}
    path, body = "/v1/admin/cohorts/trial", {"user_ids": ["kim"], "value": "treated"}
    assert client.put(path, json=body, headers=keyed).status_code == 200
    erased = erase("kim", settings=world.settings)
    assert erased.name_removed == {"idempotent_requests": 1}
    again = client.put(path, json=body, headers=keyed)
    assert (again.status_code, again.json()["type"]) == (409, "urn:qbank:problem:reply-lost")
    with world.connect() as conn:
        held = "SELECT FROM cohort_assignments WHERE user_id = 'kim'"
        assert conn.execute(held).fetchone() is None
