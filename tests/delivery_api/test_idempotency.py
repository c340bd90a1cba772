"""Idempotency-Key on changes: made once, answered the same again, refused for another request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.delivery_api.test_authoring import draft


@pytest.fixture
def ada(as_user: Any) -> dict[str, str]:
    return as_user("ada", "author", "admin")


def count(world: Any, table: str) -> int:
    with world.connect() as conn:
        return conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608


def test_the_same_request_again_gives_the_same_reply_and_changes_nothing(client, ada, world):
    keyed = ada | {"Idempotency-Key": "question-1.of-ada"}
    body = draft(world.topics["acids"])
    first = client.post("/v1/author/questions", json=body, headers=keyed)
    assert first.status_code == 201
    before = count(world, "questions"), count(world, "audit_log")
    again = client.post("/v1/author/questions", json=body, headers=keyed)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["content-type"] == first.headers["content-type"]
    assert (count(world, "questions"), count(world, "audit_log")) == before
    other = ada | {"Idempotency-Key": "question-2.of-ada"}
    assert client.post("/v1/author/questions", json=body, headers=other).status_code == 201
    assert count(world, "questions") == before[0] + 1


def test_keys_are_a_persons_own(client, as_user):
    keyed = {"Idempotency-Key": "a-key-of-all"}
    made = [
        client.post("/v1/author/topics", json={"name": name}, headers=headers | keyed)
        for name, headers in (
            ("one", as_user("one", "author")),
            ("two", as_user("two", "author")),
            ("one", as_user("one", "author", tenant="other")),
        )
    ]
    assert [answer.status_code for answer in made] == [201, 201, 201]
    assert len({answer.json()["id"] for answer in made}) == 3


def test_a_key_is_for_one_request(client, ada, world):
    keyed = ada | {"Idempotency-Key": "topic-1-of-ada"}
    assert client.post("/v1/author/topics", json={"name": "i"}, headers=keyed).status_code == 201
    for path, body in (
        ("/v1/author/topics", {"name": "ii"}),
        ("/v1/author/questions", draft(world.topics["acids"])),
    ):
        refused = client.post(path, json=body, headers=keyed)
        assert refused.status_code == 422, path
        assert refused.json()["type"] == "urn:qbank:problem:idempotency-key-reused"
    short = ada | {"Idempotency-Key": "x"}
    assert client.post("/v1/author/topics", json={"name": "x"}, headers=short).status_code == 422


def test_what_was_refused_may_be_sent_again_under_its_key(client, ada, as_user, world):
    keyed = ada | {"Idempotency-Key": "publish-1-of-ada"}
    body = draft(world.topics["acids"])
    question = client.post("/v1/author/questions", json=body, headers=ada).json()["id"]
    path = f"/v1/author/publish/{question}?exam_code=core"
    assert client.post(path, headers=keyed).status_code == 409
    review = f"/v1/author/questions/{question}/reviews"
    for status in ("pending", "approved"):
        assert client.post(review, json={"status": status}, headers=ada).status_code == 201
    published = client.post(path, headers=keyed)
    assert published.json()["changed"] is True
    assert client.post(path, headers=keyed).json() == published.json()


def test_the_same_request_many_times_at_once_is_carried_out_once(client, ada, world):
    keyed = ada | {"Idempotency-Key": "run-1-of-ada"}
    before = count(world, "calibration_runs")

    def start(_: int) -> Any:
        path = "/v1/admin/exposure/calibrate_sh/start"
        return client.post(path, json={"exam_code": "core", "dry_run": True}, headers=keyed)

    with ThreadPoolExecutor(6) as at_once:
        answers = list(at_once.map(start, range(12)))
    assert count(world, "calibration_runs") == before + 1
    # whoever came before the reply was kept is told so
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.text for answer in answers if answer.status_code == 202}) == 1
    assert start(0).status_code == 202


def test_a_reply_that_was_not_kept_is_said(client, ada, world):
    keyed = ada | {"Idempotency-Key": "flag-1-of-ada"}
    path, body = "/v1/admin/flags/some_flag", {"enabled": True, "value_json": 1}
    assert client.put(path, json=body, headers=keyed).status_code == 200
    with world.connect() as conn:  # as if the process had ended in between
        conn.execute("UPDATE idempotent_requests SET status = NULL, body = NULL")
    lost = client.put(path, json=body, headers=keyed)
    assert lost.status_code == 409
    assert lost.json()["type"] == "urn:qbank:problem:reply-lost"
    with world.connect() as conn:
        conn.execute("UPDATE idempotent_requests SET created_at = now() - interval '2 days'")
    assert client.put(path, json=body, headers=keyed).status_code == 200


def test_every_change_of_authors_and_administrators_takes_a_key(client):
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            names = [p["name"].lower() for p in operation.get("parameters", [])]
            is_change = method != "get" and path.startswith(
                ("/v1/author", "/v1/admin", "/v1/exams", "/v1/imports", "/v1/results")
            )
            made = (method, path) == ("post", "/v1/quizzes")
            assert ("idempotency-key" in names) == (is_change or made), (method, path)
