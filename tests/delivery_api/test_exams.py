"""Exams over HTTP: administrators make and change them, students see what they may take."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from qbank.exams.settings import PARTS, settings
from tests.delivery_api.test_attempts import ask, new_exam, take

__all__ = ["new_exam"]


@pytest.fixture
def admin(as_user):
    return as_user("amy", "admin")


@pytest.fixture
def code(world):
    """A code whose exam goes when the test ends."""
    yield "made-here"
    with world.connect() as conn:
        conn.execute("DELETE FROM exams WHERE code = 'made-here'")


def make(client: Any, admin: dict[str, str], code: str, **settings: Any) -> Any:
    return client.post("/v1/exams", json={"exam_code": code, **settings}, headers=admin)


def patch(client: Any, admin: dict[str, str], code: str, **settings: Any) -> Any:
    return client.patch(f"/v1/exams/{code}", json=settings, headers=admin)


def log(client: Any, admin: dict[str, str], action: str) -> list[dict[str, Any]]:
    return client.get("/v1/admin/audit", params={"action": action}, headers=admin).json()["items"]


def test_the_body_takes_each_setting(client):
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    models = {"": "ExamSettings"} | {p.name: p.model.__name__ for p in PARTS if p.name}
    for part in PARTS:
        own = {setting.name for setting in settings(part)}
        parts = set() if part.name else {other.name for other in PARTS if other.name}
        assert set(schemas[models[part.name]]["properties"]) == own | parts
    assert set(schemas["NewExam"]["properties"]) == {
        *schemas["ExamSettings"]["properties"],
        "exam_code",
    }


def test_an_exam_is_made_read_and_changed(client, admin, code):
    made = make(client, admin, code, title="Made", attempts={"max_attempts": None})
    assert made.status_code == 201, made.text
    shown = made.json()
    assert (shown["exam_code"], shown["settings"]["title"]) == (code, "Made")
    assert shown["settings"]["tau"] == 0.2
    assert shown["settings"]["attempts"]["max_attempts"] is None
    assert shown["settings"]["attempts"]["open_quizzes"] == 1
    assert shown["wrong"] == []
    again = make(client, admin, code, title="Made", attempts={"max_attempts": None})
    assert (again.status_code, again.json()) == (200, shown)
    changed = patch(client, admin, code, tau=0.3, attempts={"feedback": True}).json()
    assert changed["settings"]["tau"] == 0.3
    assert changed["settings"]["attempts"]["max_attempts"] is None  # what is not named stays
    assert set(changed["own"]) >= {"attempts.feedback", "attempts.max_attempts"}
    back = patch(client, admin, code, tau=None, attempts=None).json()
    assert (back["settings"]["tau"], back["settings"]["attempts"]["max_attempts"]) == (0.2, 1)
    assert client.get(f"/v1/exams/{code}", headers=admin).json() == back
    assert len(log(client, admin, "exam.create")) == 1
    latest, first = log(client, admin, "exam.change")
    assert (first["actor"], first["target"]) == ("amy", f"exam={code}")
    assert first["details"]["before"] == {"tau": 0.2, "attempts.feedback": None}
    assert first["details"]["after"] == {"tau": 0.3, "attempts.feedback": True}
    assert latest["request_id"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tau": 0}, "body.tau"),
        ({"tau": True}, "body.tau"),
        ({"test_length": "25"}, "body.test_length"),
        ({"irt_model": "4pl"}, "body.irt_model"),
        ({"attempts": {"max_attempts": 0}}, "body.attempts.max_attempts"),
        ({"attempts": {"modes": []}}, "body.attempts.modes"),
        ({"attempts": {"unheard_of": 1}}, "body.attempts.unheard_of"),
        ({"unheard_of": 1}, "body.unheard_of"),
        ({"title": "\x00"}, "body.title"),
        ({"calibration": {"floor": 0.5, "ceil": 0.4}}, "floor 0.5 lies above ceil 0.4"),
        ({"calibration": {"topic_tau": {"no such": 0.1}}}, "topic 'no such' is unknown"),
        ({"calibration": {"theta_dist": "normal(0,0)"}}, "the sd must be > 0"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_written(client, admin, code, given, words):
    refused = make(client, admin, code, **given)
    assert (refused.status_code, refused.headers["content-type"]) == (
        422,
        "application/problem+json",
    )
    assert words in refused.json()["detail"]
    assert client.get(f"/v1/exams/{code}", headers=admin).status_code == 404
    before = client.get("/v1/exams/core", headers=admin).json()
    assert patch(client, admin, "core", **(given | {"selector": "vanilla"})).status_code == 422
    assert client.get("/v1/exams/core", headers=admin).json() == before


def test_a_code_is_of_one_exam_of_a_tenant(client, admin, as_user, code):
    make(client, admin, code, tau=0.3)
    other = make(client, admin, code, tau=0.4)
    assert other.status_code == 409
    assert "exists, with tau 0.3 and not 0.4" in other.json()["detail"]
    zoe = as_user("zoe", "admin", tenant="other")
    theirs = make(client, zoe, code, tau=0.4)
    assert (theirs.status_code, theirs.json()["exam_code"]) == (201, code)


def test_another_tenants_exam_is_not_there(client, as_user):
    zoe = as_user("zoe", "admin", tenant="other")
    assert client.get("/v1/exams/core", headers=zoe).status_code == 404
    assert patch(client, zoe, "core", tau=0.9).status_code == 404
    assert [e["exam_code"] for e in client.get("/v1/exams", headers=zoe).json()["items"]] == [
        "theirs"
    ]


@pytest.mark.parametrize("role", ["student", "author", "reviewer", "publisher", "analyst"])
def test_only_administrators_change_an_exam(client, as_user, role):
    headers = as_user("ann", role)
    assert make(client, headers, "mine").status_code == 403
    assert patch(client, headers, "core", tau=0.9).status_code == 403


def offer(client: Any, headers: dict[str, str], code: str) -> dict[str, Any] | None:
    items = client.get("/v1/exams", params={"page_size": 200}, headers=headers).json()["items"]
    return next((item for item in items if item["exam_code"] == code), None)


def test_a_student_sees_what_may_be_taken_and_how_often(client, as_user, new_exam):
    exam, ben = new_exam("twice", modes=["exam"], max_attempts=2), as_user("ben", "student")
    assert offer(client, ben, exam) == {
        "exam_code": exam,
        "title": "Twice",
        "test_length": 25,
        "modes": ["exam"],
        "attempts_left": 2,
        "open_quizzes": [],
        "opens_at": None,
        "closes_at": None,
    }
    quiz = ask(client, ben, exam, n=3).json()["quiz_id"]
    found = offer(client, ben, exam)
    assert (found["attempts_left"], found["open_quizzes"]) == (1, [quiz])
    take(client, ben, quiz)
    assert (offer(client, ben, exam)["attempts_left"], ask(client, ben, exam).status_code) == (
        1,
        201,
    )
    assert offer(client, ben, exam)["attempts_left"] == 0
    assert offer(client, as_user("eve", "student"), exam)["attempts_left"] == 2


def test_an_exam_without_items_is_shown_to_staff_alone(client, admin, as_user, code):
    make(client, admin, code)
    assert offer(client, as_user("ann", "student"), code) is None
    assert offer(client, as_user("ann", "student", "author"), code)["modes"] == ["tutor", "exam"]


def test_a_change_holds_from_the_next_request_on(client, admin, as_user, new_exam):
    exam, ann = new_exam("opened", modes=["tutor"]), as_user("ann", "student")
    assert ask(client, ann, exam).status_code == 409
    patch(client, admin, exam, attempts={"modes": ["tutor", "exam"], "max_attempts": 1})
    assert ask(client, ann, exam).status_code == 201


def test_a_policy_written_past_the_api_is_told_not_a_fault(client, admin, as_user, new_exam, world):
    exam = new_exam("bent")
    with world.connect() as conn:
        policy = Jsonb({"attempts": {"max_attempts": 0}, "n": "many"})
        conn.execute("UPDATE exams SET policy = %s WHERE exam_code = %s", (policy, exam))
    shown = client.get(f"/v1/exams/{exam}", headers=admin).json()
    assert len(shown["wrong"]) == 2
    assert "attempts.max_attempts is 0" in " ".join(shown["wrong"])
    ann = as_user("ann", "student")
    assert offer(client, ann, exam)["modes"] == []
    assert patch(client, admin, exam, tau=0.3).status_code == 422
    mended = patch(client, admin, exam, attempts=None, calibration={"n": None})
    assert mended.json()["wrong"] == []


def test_an_exam_without_exposure_control_holds_nothing_back(client, admin, as_user, new_exam):
    """Whoever has an arm of the experiment: there is nothing to experiment with."""
    exam, ann = new_exam("linear", modes=["tutor"]), as_user("ann", "student")
    assert ask(client, ann, exam, mode="tutor").json()["selector"] == "sympson_hetter"
    patch(client, admin, exam, exposure_control="none")
    assert ask(client, ann, exam, mode="tutor").json()["selector"] == "vanilla"


def blueprint(client: Any, headers: dict[str, str], lines: list[dict[str, Any]]) -> Any:
    return client.put("/v1/exams/core/blueprint", json=lines, headers=headers)


def test_a_blueprint_is_replaced_whole_and_holds_from_the_next_quiz_on(client, admin, as_user):
    chemistry = {"topic": "chemistry", "target_weight": 1.0, "min_items": 3}
    assert blueprint(client, admin, [chemistry]).json() == [chemistry]
    body = {"filters": {"exam_code": "core", "num_questions": 4}, "blueprint_quota": True}
    quizzes = [client.post("/v1/quizzes", json=body, headers=as_user("kim", "student")).status_code]
    written = log(client, admin, "exam.blueprint")
    assert blueprint(client, admin, [chemistry]).status_code == 200
    assert log(client, admin, "exam.blueprint") == written  # the same again is nothing
    quota = {"calibration": {"quota": "blueprint"}}
    assert client.patch("/v1/exams/core", json=quota, headers=admin).status_code == 200
    kept = blueprint(client, admin, [])
    assert (kept.status_code, "set its quota to none first" in kept.json()["detail"]) == (422, True)
    quota["calibration"]["quota"] = "none"
    assert client.patch("/v1/exams/core", json=quota, headers=admin).status_code == 200
    assert blueprint(client, admin, []).json() == []
    refused = client.post("/v1/quizzes", json=body, headers=as_user("kim", "student"))
    quizzes.append(refused.status_code)
    assert quizzes == [201, 409]
    assert refused.json()["type"].endswith(":no-blueprint")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([{"topic": "nowhere", "target_weight": 0.5}], "topic 'nowhere' is unknown"),
        ([{"topic": "acids", "target_weight": 1.5}], "target_weight"),
        ([{"topic": "acids", "target_weight": 0.5}] * 2, "topic 'acids' is named twice"),
        (
            [
                {"topic": "acids", "target_weight": 0.6},
                {"topic": "physics", "target_weight": 0.6},
            ],
            "the weights add up to 1.2",
        ),
        ([{"topic": "acids", "target_weight": 0.5, "min_items": 26}], "a test has 25 items"),
    ],
)
def test_a_blueprint_that_no_test_can_keep_is_refused(client, admin, lines, words):
    before = client.get("/v1/exams/core/blueprint", headers=admin).json()
    refused = blueprint(client, admin, lines)
    assert refused.status_code == 422
    assert words in refused.json()["detail"]
    assert client.get("/v1/exams/core/blueprint", headers=admin).json() == before
