"""A sitting that is void counts for nothing, one that is reset may be sat again; both come back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from qbank.postgres import connect
from tests.delivery_api.test_attempts import ask, new_exam, take
from tests.delivery_api.test_quizzes import answer
from tests.delivery_api.test_sittings import SITTINGS, amy
from tests.delivery_api.test_submission import following, time_is_over

__all__ = ["amy", "new_exam", "time_is_over"]
WHY = {"why": "the room was left unwatched"}
TOLD = ("correct", "scored", "theta", "theta_se", "theta_interval", "items", "result", "supersedes")


@pytest.fixture
def staff(client: Any, amy: dict[str, str]) -> Callable[..., Any]:
    """What an administrator does with a sitting."""

    def does(what: str, quiz: str, body: dict[str, Any] | None = None) -> Any:
        return client.post(f"{SITTINGS}/{quiz}/{what}", json=body or WHY, headers=amy)

    return does


def told(client: Any, headers: dict[str, str], quiz: str) -> dict[str, Any]:
    reply = client.get(f"/v1/quizzes/{quiz}", headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


def kind(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json()["type"].rpartition(":")[2]


def test_a_void_sitting_has_no_score_and_comes_back_as_it_was(
    client, as_user, new_exam, staff, amy
):
    exam, ann = new_exam("voided", review="items"), as_user("ann-void", "student")
    quiz = ask(client, ann, exam).json()["quiz_id"]
    take(client, ann, quiz)
    before = told(client, ann, quiz)
    assert before["correct"] == 5

    voided = staff("void", quiz)
    assert (voided.status_code, voided.json()["status"]) == (200, "void")
    state = told(client, ann, quiz)
    assert (state["status"], state["answered"]) == ("void", 5)
    assert [name for name in TOLD if state[name] is not None] == []
    listed = client.get("/v1/quizzes", params={"status": "void"}, headers=ann).json()
    assert [one["quiz_id"] for one in listed["items"]] == [quiz]
    seen = client.get(SITTINGS, params={"status": "void", "exam_code": exam}, headers=amy).json()
    assert [(one["quiz_id"], one["is_reset"]) for one in seen["items"]] == [(quiz, False)]
    assert seen["items"][0]["voided_at"] is not None
    assert kind(client.post(f"/v1/quizzes/{quiz}/finish", headers=ann)) == (410, "quiz-void")
    # who was voided has used the attempt
    assert kind(ask(client, ann, exam)) == (409, "no-attempt-left")
    assert kind(staff("void", quiz)) == (409, "already-void")

    restored = staff("restore", quiz, {"why": "it was another room"})
    assert (restored.status_code, restored.json()["status"]) == (200, "finished")
    assert told(client, ann, quiz) == before
    assert kind(staff("restore", quiz)) == (409, "not-void")
    noted = client.get("/v1/admin/audit", params={"page_size": 2}, headers=amy).json()["items"]
    assert [(row["action"], row["target"], row["details"]) for row in noted] == [
        ("sitting.restore", f"quiz={quiz}", {"why": "it was another room"}),
        ("sitting.void", f"quiz={quiz}", WHY),
    ]


def test_an_open_sitting_that_is_void_ends_and_goes_on_when_it_is_restored(
    client, as_user, new_exam, staff
):
    exam, bob = new_exam("stopped", feedback=True), as_user("bob-void", "student")
    quiz = ask(client, bob, exam).json()["quiz_id"]
    answer(client, bob, quiz, following(client, bob, quiz))
    item = following(client, bob, quiz)
    staff("void", quiz)
    for refused in (
        client.get(f"/v1/quizzes/{quiz}/next", headers=bob),
        answer(client, bob, quiz, item),
        client.post(f"/v1/quizzes/{quiz}/finish", headers=bob),
    ):
        assert kind(refused) == (410, "quiz-void")
    assert staff("extend", quiz, {"minutes": 5}).status_code == 410
    # it may go on: neither practice nor the bank tells what it asks
    practice = ask(client, bob, exam, "tutor").json()["quiz_id"]
    explained = answer(client, bob, practice, following(client, bob, practice)).json()
    assert explained["correct"] is None
    author = as_user("bob-void", "author")
    refused = client.get(f"/v1/author/questions/{item}", headers=author)
    assert (kind(refused), refused.json()["quiz_id"]) == ((409, "quiz-open"), quiz)
    assert "may be restored" in refused.json()["detail"]
    assert staff("restore", quiz).json()["status"] == "open"
    assert following(client, bob, quiz) == item
    assert answer(client, bob, quiz, item).json()["answered"] == 2


def test_who_was_told_after_a_reset_does_not_go_on(client, as_user, new_exam, staff, world):
    exam, jo = new_exam("told", feedback=True), as_user("jo-told", "student", "author")
    quiz = ask(client, jo, exam).json()["quiz_id"]
    answer(client, jo, quiz, following(client, jo, quiz))
    item = following(client, jo, quiz)
    with world.connect() as conn:
        conn.execute(
            "UPDATE quiz_sessions SET started_at = started_at - interval '9 minutes' WHERE id = %s",
            (quiz,),
        )
    staff("reset", quiz)
    assert client.get(f"/v1/author/questions/{item}", headers=jo).status_code == 200
    restored = staff("restore", quiz)
    assert (restored.status_code, restored.json()["status"]) == (200, "expired")
    assert kind(answer(client, jo, quiz, item)) == (410, "quiz-expired")
    state = told(client, jo, quiz)
    assert (state["answered"], state["correct"]) == (1, 1)
    assert state["result"]["name"] == "sealed"


def test_who_is_reset_sits_again_and_is_served_nothing_twice(client, as_user, new_exam, staff):
    exam = new_exam("reset", cool_down_minutes=60, max_attempts=1)
    cy = as_user("cy-reset", "student")
    first = ask(client, cy, exam).json()["quiz_id"]
    seen, _ = take(client, cy, first)
    assert kind(ask(client, cy, exam)) == (409, "no-attempt-left")
    assert client.get("/v1/exams", headers=cy).status_code == 200
    assert staff("reset", first).json()["is_reset"] is True
    second = ask(client, cy, exam)
    assert second.status_code == 201, second.text
    again, _ = take(client, cy, second.json()["quiz_id"])
    assert set(seen).isdisjoint(again)
    assert told(client, cy, second.json()["quiz_id"])["correct"] == 5

    refused = staff("restore", first)
    assert kind(refused) == (409, "sat-again")
    assert refused.json()["quiz_id"] == second.json()["quiz_id"]
    assert told(client, cy, first)["status"] == "void"
    staff("void", second.json()["quiz_id"])
    # the second one used the attempt all the same
    assert kind(staff("restore", first)) == (409, "sat-again")
    staff("reset", second.json()["quiz_id"])
    assert staff("restore", first).json()["status"] == "finished"


def test_what_is_void_may_be_reset_later(client, as_user, new_exam, staff):
    exam, dee = new_exam("later"), as_user("dee-reset", "student")
    quiz = ask(client, dee, exam).json()["quiz_id"]
    take(client, dee, quiz)
    staff("void", quiz)
    assert staff("reset", quiz).status_code == 200
    assert kind(staff("reset", quiz)) == (409, "already-void")
    assert ask(client, dee, exam).status_code == 201


def test_no_two_sittings_are_open_by_a_restore(client, as_user, new_exam, staff):
    exam, eve = new_exam("both", max_attempts=None), as_user("eve-both", "student")
    first = ask(client, eve, exam).json()["quiz_id"]
    staff("void", first)
    second = ask(client, eve, exam).json()["quiz_id"]
    refused = staff("restore", first)
    assert (kind(refused), refused.json()["quiz_id"]) == ((409, "sat-again"), second)
    client.get(f"/v1/quizzes/{second}/next", headers=eve)
    client.post(f"/v1/quizzes/{second}/finish", headers=eve)
    assert staff("restore", first).json()["status"] == "open"


def test_a_restore_and_a_new_sitting_at_once_give_one(client, as_user, new_exam, staff):
    fay = as_user("fay-both", "student")
    for turn in range(5):
        exam = new_exam(f"race-{turn}", max_attempts=1)
        first = ask(client, fay, exam).json()["quiz_id"]
        following(client, fay, first)
        staff("reset", first)
        with ThreadPoolExecutor(2) as pool:
            restored, made = (
                pool.submit(staff, "restore", first),
                pool.submit(ask, client, fay, exam),
            )
        outcome = {restored.result().status_code, made.result().status_code}
        assert outcome in ({200, 409}, {409, 201}), outcome


def test_what_was_over_is_sealed_before_it_is_void(
    client, as_user, new_exam, staff, time_is_over, world
):
    exam, gus = new_exam("over"), as_user("gus-over", "student")
    quiz = ask(client, gus, exam).json()["quiz_id"]
    answer(client, gus, quiz, following(client, gus, quiz))
    time_is_over(quiz, 60)
    staff("void", quiz)
    with world.connect() as conn:
        kept = conn.execute("SELECT correct FROM quiz_results WHERE quiz_id = %s", (quiz,))
        assert kept.fetchone() == (1,)
    assert staff("restore", quiz).json()["status"] == "expired"
    assert told(client, gus, quiz)["correct"] == 1


def test_what_is_void_seals_itself_once_it_counts_again(
    client, as_user, new_exam, staff, time_is_over, world
):
    exam, hal = new_exam("void-over"), as_user("hal-over", "student")
    quiz = ask(client, hal, exam).json()["quiz_id"]
    answer(client, hal, quiz, following(client, hal, quiz))
    staff("void", quiz)
    time_is_over(quiz, 60)
    assert told(client, hal, quiz)["status"] == "void"
    with world.connect() as conn:
        results = "SELECT FROM quiz_results WHERE quiz_id = %s"
        assert conn.execute(results, (quiz,)).fetchall() == []
    staff("restore", quiz)
    assert told(client, hal, quiz)["correct"] == 1


def test_who_may_not_is_refused(client, as_user, new_exam, staff, amy):
    exam = new_exam("forbidden")
    own = ask(client, amy, exam).json()["quiz_id"]
    for what in ("void", "reset", "restore"):
        assert kind(staff(what, own)) == (409, "own-sitting")
        path = f"{SITTINGS}/{own}/{what}"
        for role in ("student", "author", "analyst"):
            assert client.post(path, json=WHY, headers=as_user("x", role)).status_code == 403
        foreign = as_user("x", "admin", tenant="other")
        assert client.post(path, json=WHY, headers=foreign).status_code == 404
        assert kind(staff(what, own, {"why": ""})) == (422, "invalid-request")
        assert kind(staff(what, own, {"reason": "x"})) == (422, "invalid-request")


@pytest.mark.parametrize(
    "changes",
    [
        "UPDATE quiz_sessions SET voided_at = now() WHERE id = %s",
        "UPDATE quiz_sessions SET voided_at = now(), is_reset = true WHERE id = %s",
    ],
    ids=["void", "reset"],
)
def test_in_sql_too_nothing_is_voided_without_its_audit(client, as_user, new_exam, world, changes):
    exam, ida = new_exam("by-sql"), as_user("ida-sql", "student")
    quiz = ask(client, ida, exam).json()["quiz_id"]
    take(client, ida, quiz)
    with connect("delivery", settings=world.settings) as conn:
        conn.execute(
            "SELECT set_config('qbank.tenant_id', 'demo', true),"
            " set_config('qbank.actor', 'amy', true)"
        )
        conn.execute(changes, (quiz,))
        with pytest.raises(psycopg.errors.IntegrityError, match=f"quiz={quiz} changes without"):
            conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
        conn.rollback()
        conn.execute("SELECT set_config('qbank.tenant_id', 'demo', true)")
        # and with a void nothing else of what is sealed changes
        with pytest.raises(psycopg.errors.IntegrityError, match="is sealed: it stays so"):
            conn.execute(changes.replace(" SET ", " SET theta = 3, "), (quiz,))
        conn.rollback()
    with connect("orchestration", settings=world.settings) as conn:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(changes, (quiz,))
        conn.rollback()
    with (
        connect("owner", settings=world.settings) as conn,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        conn.execute("UPDATE quiz_sessions SET is_reset = true WHERE id = %s", (quiz,))
