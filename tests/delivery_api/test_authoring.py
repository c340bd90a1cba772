"""Questions from the first draft to retirement."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.delivery_api.conftest import until_current


def draft(topic: int, **changes: Any) -> dict[str, Any]:
    options = [
        {"label": "A", "text_md": "yes", "is_correct": True},
        {"label": "B", "text_md": "no"},
        {"label": "C", "text_md": "perhaps"},
    ]
    return {"topic_id": topic, "stem_md": "Is 100% of _it_ so?", "options": options} | changes


@pytest.fixture
def roles(as_user):
    return {
        "author": as_user("ada", "author"),
        "reviewer": as_user("rex", "reviewer"),
        "publisher": as_user("pia", "publisher"),
    }


def create(client, roles, world, **changes):
    answer = client.post(
        "/v1/author/questions",
        json=draft(world.topics["acids"], **changes),
        headers=roles["author"],
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def approve(client, roles, question: int) -> None:
    for status, role in (("pending", "author"), ("approved", "reviewer")):
        answer = client.post(
            f"/v1/author/questions/{question}/reviews",
            json={"status": status, "comments_md": "fine"},
            headers=roles[role],
        )
        assert answer.status_code == 201, answer.text


def publish(client, roles, question: int, exam: str = "core", **params: Any) -> Any:
    return client.post(
        f"/v1/author/publish/{question}",
        params={"exam_code": exam} | params,
        headers=roles["publisher"],
    )


def test_a_question_goes_from_draft_to_live_to_retired(client, roles, world):
    question = create(client, roles, world, external_ref="chem-1")["id"]
    assert publish(client, roles, question).status_code == 409
    approve(client, roles, question)
    first = publish(client, roles, question).json()
    assert first == {
        "question_id": question,
        "exam_code": "core",
        "live_version": 1,
        "changed": True,
    }
    assert publish(client, roles, question).json() == first | {"changed": False}

    body = draft(world.topics["acids"], stem_md="better")
    path = f"/v1/author/questions/{question}"
    second = client.put(f"{path}/versions", json=body, headers=roles["author"]).json()
    assert [v["state"] for v in second["versions"]] == ["published", "draft"]
    assert second["live"] == {"core": 1}
    assert publish(client, roles, question, version=2).status_code == 409
    approve(client, roles, question)
    assert publish(client, roles, question).json()["live_version"] == 2

    for _ in range(2):
        gone = client.post(f"{path}/retire", headers=roles["publisher"])
        assert gone.status_code == 200
        assert gone.json()["live"] == {}
        assert [v["state"] for v in gone.json()["versions"]] == ["retired", "retired"]
    assert publish(client, roles, question).status_code == 409
    review = client.post(
        f"{path}/reviews", json={"status": "approved", "version": 1}, headers=roles["reviewer"]
    )
    assert review.status_code == 409


def test_every_change_is_audited(client, roles, world, as_user):
    question = create(client, roles, world)["id"]
    approve(client, roles, question)
    publish(client, roles, question)
    publish(client, roles, question)  # changes nothing, so it leaves no trace
    client.post(f"/v1/author/questions/{question}/retire", headers=roles["publisher"])
    entries = client.get(
        "/v1/admin/audit", params={"page_size": 200}, headers=as_user("amy", "admin")
    ).json()["items"]
    mine = [e for e in entries if f"question={question}" in e["target"].split(" version")[0]]
    assert [(e["action"], e["actor"]) for e in reversed(mine)] == [
        ("question.create", "ada"),
        ("question.review", "ada"),
        ("question.review", "rex"),
        ("question.publish", "pia"),
        ("question.retire", "pia"),
    ]
    assert all(e["request_id"] for e in mine)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([{"label": "A", "text_md": "x", "is_correct": True}], "at least 2"),
        ([{"label": "A", "text_md": "x"}, {"label": "B", "text_md": "y"}], "exactly one"),
        (
            [
                {"label": "A", "text_md": "x", "is_correct": True},
                {"label": "B", "text_md": "y", "is_correct": True},
            ],
            "exactly one",
        ),
        (
            [
                {"label": "A", "text_md": "x", "is_correct": True},
                {"label": "A", "text_md": "y"},
            ],
            "not unique",
        ),
        ([{"label": c, "text_md": "x", "is_correct": c == "A"} for c in "ABCDEFGHIJK"], "10"),
    ],
)
def test_options_that_are_not_a_question_are_refused(client, roles, world, options, says):
    answer = client.post(
        "/v1/author/questions",
        json=draft(world.topics["acids"], options=options),
        headers=roles["author"],
    )
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert answer.json()["errors"][0]["field"].startswith("body.options")


def test_references_are_unique_in_a_tenant_and_topics_must_exist(client, roles, world):
    create(client, roles, world, external_ref="once")
    again = client.post(
        "/v1/author/questions",
        json=draft(world.topics["acids"], external_ref="once"),
        headers=roles["author"],
    )
    assert again.status_code == 409
    with world.connect() as conn:
        theirs = conn.execute("SELECT id FROM topics WHERE tenant_id = 'other'").fetchone()[0]
    for topic in (theirs, 2**50):
        refused = client.post("/v1/author/questions", json=draft(topic), headers=roles["author"])
        assert refused.status_code == 422
        assert f"topic {topic} does not exist" in refused.json()["detail"]


def test_search_takes_text_literally_and_pages(client, roles, world):
    for k in range(3):
        create(client, roles, world, stem_md=f"odd 50%_{k}")
    create(client, roles, world, stem_md="odd 50 and more")
    found = client.get(
        "/v1/author/questions",
        params={"q": "50%_", "page_size": 2, "topic_id": world.topics["science"]},
        headers=roles["author"],
    ).json()
    assert found["total"] == 3
    assert [row["stem_md"] for row in found["items"]] == ["odd 50%_2", "odd 50%_1"]
    nothing = client.get(
        "/v1/author/questions",
        params={"q": "50%_", "topic_id": world.topics["physics"]},
        headers=roles["author"],
    ).json()
    assert nothing["total"] == 0


def test_two_authors_at_once_write_two_versions(client, roles, world):
    question = create(client, roles, world)["id"]

    def write(k: int) -> int:
        return client.put(
            f"/v1/author/questions/{question}/versions",
            json=draft(world.topics["acids"], stem_md=f"by {k}"),
            headers=roles["author"],
        ).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(write, range(6))) == {201}
    versions = client.get(f"/v1/author/questions/{question}", headers=roles["author"]).json()
    assert [v["version"] for v in versions["versions"]] == list(range(1, 8))


def test_a_publication_is_served_at_once_and_a_retired_item_never_again(
    client, roles, world, as_user
):
    topic = client.post(
        "/v1/author/topics",
        json={"name": "fresh", "parent_id": world.topics["physics"]},
        headers=roles["author"],
    ).json()["id"]
    student = as_user("kim", "student")
    quiz = {"filters": {"exam_code": "core", "topics": [topic], "num_questions": 1}}
    quiz["adaptive"] = False
    assert client.post("/v1/quizzes", json=quiz, headers=student).status_code == 409
    question = client.post(
        "/v1/author/questions", json=draft(topic), headers=roles["author"]
    ).json()["id"]
    approve(client, roles, question)
    publish(client, roles, question)
    made = client.post("/v1/quizzes", json=quiz, headers=student).json()["quiz_id"]
    item = client.get(f"/v1/quizzes/{made}/next", headers=student).json()
    assert item["question_id"] == question
    assert [o["label"] for o in item["options"]] == ["A", "B", "C"]
    client.post(f"/v1/author/questions/{question}/retire", headers=roles["publisher"])
    until_current(client, world, "core")
    assert client.post("/v1/quizzes", json=quiz, headers=student).status_code == 409
    # what was served may still be answered
    body = {"question_id": question, "selected": "A"}
    answered = client.post(f"/v1/quizzes/{made}/answers", json=body, headers=student)
    assert answered.json()["correct"] is True


def test_where_four_eyes_are_wanted_nobody_publishes_alone(client, roles, world, as_user):
    with world.connect() as conn:
        conn.execute(
            """INSERT INTO exams (exam_code, tenant_id, title, policy)
            VALUES ('eyes', 'demo', 'Four eyes', '{"four_eyes": true}')"""
        )
    alone = dict.fromkeys(roles, as_user("ada", "author", "reviewer", "publisher"))
    question = create(client, alone, world)["id"]
    approve(client, alone, question)
    refused = publish(client, alone, question, "eyes")
    assert refused.status_code == 409
    assert "written by ada and approved by nobody else" in refused.json()["detail"]
    approve(client, roles, question)
    refused = publish(client, alone, question, "eyes")
    assert refused.status_code == 409
    assert "have somebody else publish it" in refused.json()["detail"]
    assert publish(client, roles, question, "eyes").json()["changed"] is True
    assert publish(client, alone, question, "eyes").json()["changed"] is False
    assert publish(client, alone, question).status_code == 200  # core has no such rule
    with world.connect() as conn:
        conn.execute(
            """UPDATE exams SET policy = '{"four_eyes": "yes"}' WHERE exam_code = 'eyes'"""
        )
    other = create(client, roles, world)["id"]
    approve(client, roles, other)
    wrong = publish(client, roles, other, "eyes")
    assert wrong.status_code == 422
    assert "policy.four_eyes of exam eyes is 'yes'" in wrong.json()["detail"]
