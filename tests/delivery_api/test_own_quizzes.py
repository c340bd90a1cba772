"""A student finds their quizzes again, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.delivery_api.test_quizzes import answer, make_quiz


@pytest.fixture
def cleo(as_user: Any, request: pytest.FixtureRequest) -> dict[str, str]:
    return as_user(request.node.name, "student")


@pytest.fixture
def quizzes(client: Any, cleo: dict[str, str], world: Any) -> list[str]:
    """Of cleo: one that expired, one that was finished, and one that is open; the newest last."""
    made = [make_quiz(client, cleo)["quiz_id"] for _ in range(3)]
    with world.connect() as conn:
        for age, quiz in enumerate(reversed(made)):
            conn.execute(
                "UPDATE quiz_sessions SET started_at = now() - make_interval(mins => %s)"
                " WHERE id = %s",
                (5 * age, quiz),
            )
        conn.execute(
            "UPDATE quiz_sessions SET expires_at = now() - interval '1 minute' WHERE id = %s",
            (made[0],),
        )
    assert client.post(f"/v1/quizzes/{made[1]}/finish", headers=cleo).status_code == 200
    item = client.get(f"/v1/quizzes/{made[2]}/next", headers=cleo).json()
    answer(client, cleo, made[2], item["question_id"])
    return made


def _listed(client: Any, headers: dict[str, str], **query: Any) -> dict[str, Any]:
    reply = client.get("/v1/quizzes", params=query, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_the_newest_come_first_with_how_far_they_are(client, cleo, quizzes):
    listed = _listed(client, cleo)
    assert [one["quiz_id"] for one in listed["items"]] == quizzes[::-1]
    assert [one["status"] for one in listed["items"]] == ["open", "finished", "expired"]
    assert [one["answered"] for one in listed["items"]] == [1, 0, 0]
    assert listed["total"] == 3
    # no more than a state tells: nothing of right and wrong
    assert not {"correct", "theta", "items"} & listed["items"][0].keys()

    (still_open,) = _listed(client, cleo, status="open")["items"]
    resumed = client.get(f"/v1/quizzes/{still_open['quiz_id']}/next", headers=cleo)
    assert resumed.json()["position"] == 2


def test_pages_and_filters(client, cleo, quizzes):
    second = _listed(client, cleo, page=2, page_size=2)
    assert [one["quiz_id"] for one in second["items"]] == [quizzes[0]]
    assert (second["total"], second["page"]) == (3, 2)
    assert _listed(client, cleo, page=9)["total"] == 3
    assert _listed(client, cleo, exam_code="nothing") == {
        "items": [], "total": 0, "page": 1, "page_size": 50, "next_cursor": None,
    }  # fmt: skip
    wrong = client.get("/v1/quizzes", params={"status": "lost"}, headers=cleo)
    assert wrong.status_code == 422


def test_nobody_sees_the_quizzes_of_others(client, as_user, quizzes, request):
    assert _listed(client, as_user("dora", "student"))["total"] == 0
    namesake = as_user(request.node.name, "student", tenant="other")
    assert _listed(client, namesake)["total"] == 0
