"""A sitting whose time is over: the answer on its way counts, and the sitting seals itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from delivery_api.services import Services
from qbank.attempts import AttemptPolicy
from qbank.postgres import connect
from tests.delivery_api.test_attempts import ask, new_exam
from tests.delivery_api.test_quizzes import answer
from tests.delivery_api.test_sealed_results import look, recalibrate, recomputed

__all__ = ["new_exam", "recalibrate"]
GRACE = AttemptPolicy().grace_seconds


@pytest.fixture
def time_is_over(world: Any) -> Callable[..., None]:
    """Moves a sitting so that its time was over so many seconds ago."""

    def move(quiz: str, seconds: float) -> None:
        with world.connect() as conn:
            conn.execute(
                """UPDATE quiz_sessions SET started_at = started_at - interval '1 hour',
                    expires_at = clock_timestamp() - make_interval(secs => %s) WHERE id = %s""",
                (seconds, quiz),
            )

    return move


def following(client: Any, headers: dict[str, str], quiz: str) -> int:
    reply = client.get(f"/v1/quizzes/{quiz}/next", headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()["question_id"]


@pytest.fixture
def sitting(
    client: Any, as_user: Any, request: pytest.FixtureRequest
) -> tuple[dict[str, str], str, int]:
    """A student, an open sitting of theirs with one answer, and the item that waits for one."""
    headers = as_user(request.node.name, "student")
    quiz = ask(client, headers, "core").json()["quiz_id"]
    answer(client, headers, quiz, following(client, headers, quiz))
    return headers, quiz, following(client, headers, quiz)


def test_an_answer_that_was_on_its_way_counts(client, sitting, time_is_over):
    headers, quiz, item = sitting
    time_is_over(quiz, GRACE - 5)
    late = answer(client, headers, quiz, item)
    assert (late.status_code, late.json()["answered"]) == (200, 2)
    # the same once more, and nothing else
    assert answer(client, headers, quiz, item).status_code == 200
    assert answer(client, headers, quiz, item, "B").status_code == 409
    assert client.get(f"/v1/quizzes/{quiz}", headers=headers).json()["correct"] is None
    time_is_over(quiz, GRACE + 1)
    state = client.get(f"/v1/quizzes/{quiz}", headers=headers).json()
    assert (state["status"], state["answered"], state["correct"]) == ("expired", 2, 2)


def test_no_item_is_served_in_the_grace(client, sitting, time_is_over):
    headers, quiz, item = sitting
    time_is_over(quiz, GRACE - 5)
    # what was served is shown once more: the page may have been loaded again
    assert following(client, headers, quiz) == item
    answer(client, headers, quiz, item)
    began = time.monotonic()
    refused = client.get(f"/v1/quizzes/{quiz}/next", headers=headers)
    assert (refused.status_code, refused.json()["type"][-12:]) == (410, "quiz-expired")
    assert time.monotonic() - began < 2


def test_an_answer_that_came_later_is_refused_by_name_and_the_others_stay(
    client, sitting, time_is_over
):
    headers, quiz, item = sitting
    time_is_over(quiz, GRACE + 1)
    refused = answer(client, headers, quiz, item)
    assert (refused.status_code, refused.json()["type"][-12:]) == (410, "quiz-expired")
    assert f"{GRACE} s longer" in refused.json()["detail"]
    state = client.get(f"/v1/quizzes/{quiz}", headers=headers).json()
    assert (state["answered"], state["correct"], state["scored"]) == (1, 1, 1)


def test_a_sitting_may_be_finished_in_the_grace(client, sitting, time_is_over):
    headers, quiz, item = sitting
    time_is_over(quiz, GRACE - 5)
    answer(client, headers, quiz, item)
    finished = client.post(f"/v1/quizzes/{quiz}/finish", headers=headers)
    assert (finished.status_code, finished.json()["status"]) == (200, "finished")
    assert answer(client, headers, quiz, item).status_code == 200  # as it was answered
    refused = client.get(f"/v1/quizzes/{quiz}/next", headers=headers)
    assert refused.json()["type"].endswith("quiz-finished")


def test_nothing_is_told_in_the_grace(client, as_user, new_exam, time_is_over):
    exam = new_exam("hushed", feedback=True, grace_seconds=300)
    kim = as_user("kim-hushed", "student", "author")
    quiz = ask(client, kim, exam).json()["quiz_id"]
    item = following(client, kim, quiz)
    time_is_over(quiz, 200)
    practice = ask(client, kim, exam, "tutor").json()["quiz_id"]
    told = answer(client, kim, practice, following(client, kim, practice)).json()
    assert told["correct"] is None
    assert client.get(f"/v1/author/questions/{item}", headers=kim).status_code == 409
    time_is_over(quiz, 301)
    told = answer(client, kim, practice, following(client, kim, practice)).json()
    assert told["correct"] is True


@pytest.mark.parametrize(("grace", "status"), [(0, 410), (60, 200)])
def test_the_grace_is_the_exams_own(client, as_user, new_exam, time_is_over, grace, status):
    exam = new_exam(f"grace-of-{grace}", grace_seconds=grace)
    lea = as_user("lea", "student")
    quiz = ask(client, lea, exam).json()["quiz_id"]
    item = following(client, lea, quiz)
    time_is_over(quiz, 30)
    assert answer(client, lea, quiz, item).status_code == status


def test_practice_has_no_grace(client, as_user, new_exam, time_is_over):
    mia = as_user("mia", "student")
    quiz = ask(client, mia, new_exam("practised"), "tutor").json()["quiz_id"]
    item = following(client, mia, quiz)
    time_is_over(quiz, 1)
    assert answer(client, mia, quiz, item).status_code == 410


def kept(world: Any, quiz: str) -> tuple[Any, ...] | None:
    """The result of a quiz, and how its row says it was sealed."""
    with world.connect() as conn:
        return conn.execute(
            """SELECT r.correct, r.theta, s.theta, s.theta_se, s.sealed_at > s.expires_at
            FROM quiz_results AS r JOIN quiz_sessions AS s ON s.id = r.quiz_id
            WHERE s.id = %s""",
            (quiz,),
        ).fetchone()


def wait_until_kept(world: Any, *quizzes: str) -> None:
    deadline = time.monotonic() + 30
    while any(kept(world, quiz) is None for quiz in quizzes):
        assert time.monotonic() < deadline, "nobody sealed it"
        time.sleep(0.05)


def test_nobody_has_to_look_for_it_to_be_sealed(
    client, as_user, start_server, sitting, time_is_over, recalibrate, world
):
    """Of two processes that sweep, with nobody who asks anything of them."""
    headers, quiz, item = sitting
    theirs = as_user("theo", "student", tenant="other")
    foreign = ask(client, theirs, "theirs").json()["quiz_id"]
    for _ in range(2):
        start_server(QBANK_SUBMIT_EVERY_S="0.1")
    time.sleep(1)
    assert kept(world, quiz) is None, "it is open"
    answer(client, headers, quiz, item, "B")
    time_is_over(quiz, GRACE + 1)
    time_is_over(foreign, GRACE + 1)
    wait_until_kept(world, quiz, foreign)
    correct, result, theta, theta_se, sealed_after = kept(world, quiz)
    assert (correct, theta, sealed_after) == (1, result, True)
    before = look(client, headers, quiz)
    assert recomputed(before) == pytest.approx((theta, theta_se))
    state = client.get(f"/v1/quizzes/{quiz}", headers=headers).json()
    assert (state["status"], state["result"]["name"]) == ("expired", "sealed")
    recalibrate()
    assert look(client, headers, quiz) == before
    assert client.post(f"/v1/quizzes/{quiz}/finish", headers=headers).status_code == 410
    # it stays so by the database's own rule, too
    with connect("delivery", settings=world.settings) as conn:
        conn.execute("SELECT set_config('qbank.tenant_id', 'demo', true)")
        with pytest.raises(Exception, match="is sealed: it stays so"):
            conn.execute("UPDATE quiz_sessions SET theta = 3 WHERE id = %s", (quiz,))


def test_a_sweep_seals_all_but_what_stands_in_its_way(
    client, as_user, new_exam, time_is_over, monkeypatch, world
):
    """One that cannot be sealed keeps no other from it; more are over than are read at once."""
    exam = new_exam("swept", open_quizzes=100, max_attempts=None)
    quizzes = []
    for k in range(5):
        quizzes.append(ask(client, as_user(f"swept-{k}", "student"), exam).json()["quiz_id"])
        time_is_over(quizzes[-1], GRACE + 1)
    quizzes.sort()
    services = Services.of(client.app)
    monkeypatch.setattr("delivery_api.quizzes.submission._AT_ONCE", 2)
    submitted = services.endings.submitted

    async def fails_for_the_first(conn: Any, owner: Any, quiz_id: str) -> None:
        if quiz_id == quizzes[0]:
            raise ValueError("planted")
        await submitted(conn, owner, quiz_id)

    monkeypatch.setattr(services.endings, "submitted", fails_for_the_first)
    client.portal.call(services.submission.sweep)
    assert [kept(world, quiz) is None for quiz in quizzes] == [True] + 4 * [False]
    monkeypatch.undo()
    client.portal.call(services.submission.sweep)
    assert kept(world, quizzes[0]) is not None


@pytest.mark.parametrize("stands", ["locked quiz", "failing tenant"])
def test_what_one_tenant_waits_for_ends_no_sweep(
    client, as_user, new_exam, time_is_over, monkeypatch, world, stands
):
    exam = new_exam(stands.replace(" ", "-"), open_quizzes=100, max_attempts=None)
    mine = sorted(
        ask(client, as_user(f"{stands}-{k}", "student"), exam).json()["quiz_id"] for k in range(2)
    )
    foreign = ask(client, as_user(stands, "student", tenant="other"), "theirs").json()["quiz_id"]
    for quiz in (*mine, foreign):
        time_is_over(quiz, GRACE + 1)
    submission = Services.of(client.app).submission
    with world.connect() as conn:
        if stands == "locked quiz":
            conn.execute("SELECT FROM quiz_sessions WHERE id = %s FOR UPDATE", (mine[0],))
        else:
            seal_all = submission._seal_all

            async def fails_for_demo(tenant: str, connection: Any) -> None:
                if tenant == "demo":
                    raise psycopg.DataError("planted")
                await seal_all(tenant, connection)

            monkeypatch.setattr(submission, "_seal_all", fails_for_demo)
        client.portal.call(submission.sweep)
    is_sealed = [kept(world, quiz) is not None for quiz in (*mine, foreign)]
    assert is_sealed == [False, stands == "locked quiz", True]
    monkeypatch.undo()
    client.portal.call(submission.sweep)
    assert kept(world, mine[0]) is not None


def test_an_answer_that_is_still_being_written_is_in_what_is_sealed(
    client, sitting, time_is_over, world
):
    """As ``answers`` writes it: it holds the quiz, which was open when its statement began."""
    headers, quiz, item = sitting
    time_is_over(quiz, GRACE + 1)
    waiting = """SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    with ThreadPoolExecutor(1) as pool, world.connect() as late, world.connect() as watch:
        watch.autocommit = True
        late.execute("SELECT FROM quiz_sessions WHERE id = %s FOR SHARE", (quiz,))
        late.execute(
            """INSERT INTO user_responses
                (quiz_id, user_id, question_id, version, option_label, is_correct)
            SELECT id, user_id, %s, 1, 'A', true FROM quiz_sessions WHERE id = %s""",
            (item, quiz),
        )
        looked = pool.submit(client.get, f"/v1/quizzes/{quiz}", headers=headers)
        deadline = time.monotonic() + 2.5
        while watch.execute(waiting).fetchone() == (0,):
            assert time.monotonic() < deadline, "nobody waits for the answer"
            time.sleep(0.02)
        late.commit()
        state = looked.result().json()
    assert (state["status"], state["answered"], state["correct"]) == ("expired", 2, 2)
    assert kept(world, quiz)[0] == 2


def test_sweeps_and_readers_at_once_seal_once(client, sitting, time_is_over, world):
    headers, quiz, _ = sitting
    time_is_over(quiz, GRACE + 1)
    services = Services.of(client.app)
    with ThreadPoolExecutor(8) as pool:
        sweeps = [pool.submit(client.portal.call, services.submission.sweep) for _ in range(4)]
        reads = [pool.submit(client.get, f"/v1/quizzes/{quiz}", headers=headers) for _ in range(4)]
        told = {(r.result().json()["theta"], r.result().json()["sealed_at"]) for r in reads}
        for sweep in sweeps:
            sweep.result()
    assert len(told) == 1
    with world.connect() as conn:
        rows = conn.execute("SELECT FROM quiz_results WHERE quiz_id = %s", (quiz,)).fetchall()
    assert len(rows) == 1


def test_who_reads_while_it_is_sealed_is_told_when(client, sitting, time_is_over, monkeypatch):
    headers, quiz, _ = sitting
    time_is_over(quiz, GRACE + 1)
    services = Services.of(client.app)
    read = services.endings.read

    async def overtaken(conn: Any, caller: Any, quiz_id: str) -> Any:
        found = await read(conn, caller, quiz_id)
        monkeypatch.undo()
        await services.submission.seal(caller.tenant_id, caller.user_id, quiz_id)
        return found

    monkeypatch.setattr(services.endings, "read", overtaken)
    told = client.get(f"/v1/quizzes/{quiz}", headers=headers).json()
    assert told["sealed_at"] is not None
    assert client.get(f"/v1/quizzes/{quiz}", headers=headers).json() == told


def test_whoever_administers_exams_finds_it_sealed(client, as_user, sitting, time_is_over):
    _, quiz, _ = sitting
    time_is_over(quiz, GRACE + 1)
    seen = client.get(f"/v1/admin/sittings/{quiz}", headers=as_user("amy", "admin")).json()
    assert (seen["status"], seen["sealed_at"] is None) == ("expired", False)
