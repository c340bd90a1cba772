"""The result of a launched sitting goes to the platform's gradebook: once, or staff hear of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from delivery_api.app import create_app
from delivery_api.lti.passback import MOST_ATTEMPTS, scores_of
from delivery_api.settings import ApiSettings
from qbank.postgres import connect
from qbank.stores import audit, lti_platforms, lti_scores
from tests.delivery_api.conftest import World
from tests.delivery_api.lti_platform import (
    AGS,
    LEARNER,
    Browser,
    Learner,
    Platform,
    platform,
    served,
)

EXAM = {"filters": {"num_questions": 4, "mode": "exam"}}
Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def campus(world: World) -> Iterator[Platform]:
    api = ApiSettings.load().model_copy(update={"env": "dev", "lti_scores_every_s": 3600})
    with platform() as made:
        app = create_app(api, world.settings)
        services = app.state.services
        look = services.passback.run

        async def wait_for_the_tests_word() -> None:
            made.loop = asyncio.get_running_loop()

        services.passback.run = wait_for_the_tests_word
        with served(app) as made.tool:
            services.passback.run = look
            services.launches._address = made.tool
            services.api = api.model_copy(update={"lti_landing_url": "http://127.0.0.1:1/"})
            made.passback = services.passback
            with world.connect() as conn:
                lti_platforms.add(
                    conn,
                    "demo",
                    lti_platforms.Platform(**made.registered()),
                    dev=True,
                    audit=audit.noting(conn, "demo", "root"),
                )
            yield made


@pytest.fixture
def sweep(campus: Platform, world: World) -> Callable[[], None]:
    """What the API does every few seconds; now, with all that waits being due."""

    def run(*, due: bool = True) -> None:
        if due:
            with world.connect() as conn:
                conn.execute("UPDATE lti_scores SET next_at = now() - interval '1 second'")
        asyncio.run_coroutine_threadsafe(campus.passback.sweep(), campus.loop).result(60)

    return run


@pytest.fixture
def sit(campus: Platform) -> Iterator[Callable[..., str]]:
    """Launches somebody, who sits the exam and answers so many items; the quiz."""
    browser = Browser(campus)

    def sat(name: str, right: int = 0, wrong: int = 0, body: Any = EXAM, **claims: Any) -> str:
        headers = browser.token(Learner(name, [LEARNER], claims))
        made = browser.http.post(f"{campus.tool}/v1/quizzes", json=body, headers=headers)
        assert made.status_code == 201, made.text
        quiz = f"{campus.tool}/v1/quizzes/{made.json()['quiz_id']}"
        for answer in "A" * right + "B" * wrong:
            item = browser.http.get(f"{quiz}/next", headers=headers).json()
            told = {"question_id": item["question_id"], "selected": answer}
            assert browser.http.post(f"{quiz}/answers", json=told, headers=headers).is_success
        assert browser.http.post(f"{quiz}/finish", headers=headers).is_success
        return str(made.json()["quiz_id"])

    yield sat
    browser.close()


def rows(world: World, quiz: str) -> list[Row]:
    with world.connect() as conn:
        return conn.execute(
            """SELECT state, attempts, score_given, score_maximum, problem FROM lti_scores
            WHERE quiz_id = %s ORDER BY id""",
            (quiz,),
        ).fetchall()


def test_a_result_is_in_the_gradebook(campus, world, sit, sweep):
    quiz = sit("ada", right=2, wrong=1)
    # queued by the transaction that sealed it: nobody has looked yet
    assert rows(world, quiz) == [("waiting", 0, 2, 4, "")]
    sweep()
    assert rows(world, quiz) == [("sent", 1, 2, 4, "")]
    told = campus.scores["9", "ada"]
    told = dict(told)
    assert told.pop("timestamp")[-6:] == "+00:00"
    assert told == {
        "scoreGiven": 2,
        "scoreMaximum": 4,
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "userId": "ada",
    }
    before = len(campus.posted)
    sweep()
    assert len(campus.posted) == before


def test_what_was_lost_on_the_way_is_sent_again_as_it_was(campus, world, sit, sweep):
    quiz = sit("ben", right=1)
    campus.answers[:] = [500, 503]
    before = len(campus.posted)
    sweep()
    assert rows(world, quiz) == [("waiting", 1, 1, 4, "the platform answered 500")]
    sweep(due=False)  # and not at once
    assert len(campus.posted) == before + 1
    sweep()
    assert rows(world, quiz) == [("waiting", 2, 1, 4, "the platform answered 503")]
    with world.connect() as conn:
        wait = conn.execute(
            """SELECT extract(epoch FROM next_at - now()) FROM lti_scores
            WHERE quiz_id = %s""",
            (quiz,),
        ).fetchone()[0]
    assert 50 < wait <= 60
    # the process is killed after the platform took it: the same once more is no other score
    with world.connect() as conn:
        conn.execute(
            """UPDATE lti_scores SET attempts = attempts + 1, next_at = now() WHERE quiz_id = %s""",
            (quiz,),
        )
    sweep()
    with world.connect() as conn:
        conn.execute(
            "UPDATE lti_scores SET state = 'waiting', sent_at = NULL WHERE quiz_id = %s", (quiz,)
        )
    sweep()
    tried = campus.posted[before:]
    assert [status for status, _ in tried] == [500, 503, 204, 409]
    assert all(told == tried[0][1] for _, told in tried)
    assert rows(world, quiz)[0][::4] == ("sent", "the platform has this score, or a later one")


def test_after_two_days_it_is_given_up_and_staff_hear_of_it(campus, world, sit, sweep, as_user):
    quiz = sit("cem", right=1)
    with world.connect() as conn:
        conn.execute(
            "UPDATE lti_scores SET attempts = %s WHERE quiz_id = %s", (MOST_ATTEMPTS - 2, quiz)
        )
    campus.answers[:] = [422, 422]
    sweep()
    assert rows(world, quiz)[0][0] == "waiting"
    sweep()
    assert rows(world, quiz)[0][::4] == ("given_up", "the platform answered 422")
    browser = Browser(campus)
    page = browser.http.get(
        f"{campus.tool}/v1/admin/lti/scores",
        params={"state": "given_up"},
        headers=as_user("amy", "analyst"),
    ).json()
    (row,) = page["items"]
    said = {name: row[name] for name in ("quiz_id", "platform", "exam_code", "attempts", "next_at")}
    assert said == {
        "quiz_id": quiz,
        "platform": "campus",
        "exam_code": "core",
        "attempts": MOST_ATTEMPTS,
        "next_at": None,
    }
    browser.close()
    sweep()
    with connect("orchestration", settings=world.settings) as conn:  # as the daily check
        assert "1 scores were not taken" in lti_scores.wrong(conn)
    with world.connect() as conn:
        lti_scores.resend(conn, row["id"], audit=audit.noting(conn, "demo", "root"))
        assert lti_scores.wrong(conn) == ""
    sweep()
    assert rows(world, quiz)[0][0] == "sent"
    assert ("9", "cem") in campus.scores


def test_the_newest_sitting_is_what_counts(campus, world, sit, sweep):
    first = sit("dan", right=3)
    second = sit("dan", right=1)
    assert rows(world, first)[0][0] == "superseded"
    sweep()
    assert campus.scores["9", "dan"]["scoreGiven"] == 1
    # a key is corrected: of the newest sitting it goes out, of an older one it does not
    with world.connect() as conn:
        batch = conn.execute(
            """INSERT INTO import_batches (exam_code, source_name, source_sha256, rows_read,
                rows_inserted, rows_known, rows_rejected, imported_by)
            VALUES ('core', 'key.csv', repeat('0', 64), 0, 0, 0, 0, 'amy') RETURNING id"""
        ).fetchone()
        for quiz in (first, second):
            conn.execute(
                """INSERT INTO quiz_results (quiz_id, revision, answered, correct, theta, model,
                    items, name, import_batch_id, made_by)
                SELECT quiz_id, 2, answered + 1, correct + 1, theta, model,
                    jsonb_set(items, '{0,void}', 'true'), 'rescore 1', %s, 'amy'
                FROM quiz_results WHERE quiz_id = %s""",
                (*batch, quiz),
            )
    assert len(rows(world, first)) == 1
    assert rows(world, second)[1] == ("waiting", 0, 2, 3, "")
    sweep()
    assert campus.scores["9", "dan"]["scoreGiven"] == 2
    with world.connect() as conn:  # and taken back
        conn.execute("DELETE FROM quiz_results WHERE quiz_id = %s AND revision = 2", (second,))
    sweep()
    assert (campus.scores["9", "dan"]["scoreGiven"], campus.scores["9", "dan"]["scoreMaximum"]) == (
        1,
        4,
    )


def test_what_is_over_unseen_is_sealed_and_sent(campus, world, sit, sweep):
    browser = Browser(campus)
    headers = browser.token(Learner("fay", [LEARNER]))
    made = browser.http.post(f"{campus.tool}/v1/quizzes", json=EXAM, headers=headers).json()
    with world.connect() as conn:
        conn.execute(
            """UPDATE quiz_sessions SET started_at = now() - interval '2 hours',
                expires_at = now() - interval '1 hour' WHERE id = %s""",
            (made["quiz_id"],),
        )
    assert browser.http.get(
        f"{campus.tool}/v1/quizzes/{made['quiz_id']}", headers=headers
    ).is_success
    browser.close()
    assert rows(world, made["quiz_id"]) == [("waiting", 0, 0, 4, "")]
    sweep()
    assert campus.scores["9", "fay"]["scoreGiven"] == 0


@pytest.mark.parametrize(
    "claims",
    [
        {f"{AGS}claim/endpoint": None},
        {f"{AGS}claim/endpoint": {"scope": [], "lineitem": "http://127.0.0.1:1/x"}},
        {f"{AGS}claim/endpoint": {"scope": [f"{AGS}scope/score"]}},
    ],
)
def test_where_the_platform_takes_none_none_is_queued(world, sit, claims):
    assert rows(world, sit("gil", right=1, **claims)) == []


def test_practice_is_no_result(world, sit):
    assert rows(world, sit("hal", right=1, body={"filters": {"num_questions": 4}})) == []


def test_the_api_looks_by_itself(campus, world, sit, monkeypatch):
    quiz = sit("eli", right=1)
    monkeypatch.setattr(campus.passback, "_every_s", 0.05)
    looking = asyncio.run_coroutine_threadsafe(campus.passback.run(), campus.loop)
    until = time.monotonic() + 20
    while rows(world, quiz)[0][0] != "sent" and time.monotonic() < until:
        time.sleep(0.05)
    looking.cancel()
    assert rows(world, quiz)[0][0] == "sent"


def test_two_processes_send_one_score_once(campus, world, sit):
    sit("ida", right=1)
    before = len(campus.posted)
    for _ in range(2):
        asyncio.run_coroutine_threadsafe(_both(campus.passback), campus.loop).result(60)
    assert len(campus.posted) == before + 1


async def _both(passback: Any) -> None:
    await asyncio.gather(passback.sweep(), passback.sweep())


def test_a_token_that_was_taken_back_is_asked_for_anew(campus, world, sit, sweep):
    quiz = sit("jon", right=1)
    campus.tokens.clear()
    sweep()
    assert rows(world, quiz)[0][:2] == ("sent", 1)


def test_what_a_removed_platform_waits_for_is_given_up(campus, world, sit, sweep):
    quiz = sit("kim", right=1)
    with world.connect() as conn:
        conn.execute("UPDATE lti_platforms SET removed_at = now()")
    sweep()
    with world.connect() as conn:
        conn.execute("UPDATE lti_platforms SET removed_at = NULL")
    assert rows(world, quiz)[0][::4] == ("given_up", "the platform's registration was removed")


def test_a_platform_that_hangs_holds_nobody_up(campus, world, sit, sweep, monkeypatch):
    monkeypatch.setattr("delivery_api.lti.passback._PATIENCE_S", 0.3)
    hung = sit(
        "lea",
        right=1,
        **{
            f"{AGS}claim/endpoint": {
                "scope": [f"{AGS}scope/score"],
                "lineitem": f"{campus.url}/slow/1",
            }
        },
    )
    quiz = sit("max", right=1)
    began = time.monotonic()
    sweep()
    assert time.monotonic() - began < 5
    assert rows(world, quiz)[0][0] == "sent"
    assert rows(world, hung)[0][::4] == ("waiting", "the platform took longer than 0 s")


@pytest.mark.parametrize(
    ("item", "where"),
    [
        ("https://a.b/api/lti/7", "https://a.b/api/lti/7/scores"),
        ("https://a.b/7/lineitem?type_id=1&x=/", "https://a.b/7/lineitem/scores?type_id=1&x=/"),
    ],
)
def test_scores_lie_below_the_item_before_its_query(item, where):
    assert scores_of(item) == where
