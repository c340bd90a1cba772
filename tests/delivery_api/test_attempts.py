"""What a student could harvest, and what an exam's attempt policy does about it.

The attacks are those of one account that keeps an exam open and practises beside it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.delivery_api.conftest import add_exam
from tests.delivery_api.test_quizzes import answer

POOL = 40
TELLING = (
    "scoring",
    "correct",
    "correct_option",
    "correct_options",
    "explanation",
    "theta",
    "theta_se",
)


@pytest.fixture
def new_exam(world):
    """Makes an exam of ``core``'s first items with an attempt policy; all go when the test ends."""
    made: list[str] = []

    def make(name: str, items: slice | list[int] = slice(POOL), **attempts: Any) -> str:
        with world.connect() as conn:
            own = world.questions[items] if isinstance(items, slice) else items
            add_exam(conn, "demo", name, own, attempts=attempts)
        made.append(name)
        return name

    yield make
    with world.connect() as conn:
        quizzes = "(SELECT id FROM quiz_sessions WHERE exam_code = ANY(%s))"
        for table in ("user_responses", "quiz_items"):
            conn.execute(f"DELETE FROM {table} WHERE quiz_id IN {quizzes}", (made,))  # noqa: S608
        for table in (
            "quiz_sessions",
            "exposure_daily",
            "item_exposure_control",
            "item_calibration",
            "question_publications",
            "calibration_runs",
            "exams",
        ):
            conn.execute(f"DELETE FROM {table} WHERE exam_code = ANY(%s)", (made,))  # noqa: S608


def ask(client: Any, headers: dict[str, str], exam: str, mode: str = "exam", n: int = 5) -> Any:
    body = {"filters": {"exam_code": exam, "num_questions": n, "mode": mode}}
    return client.post("/v1/quizzes", json=body, headers=headers)


def take(client: Any, headers: dict[str, str], quiz: str) -> tuple[list[int], list[Any]]:
    """Answers all items of a quiz: the items, and all that was told on the way and at the end."""
    items: list[int] = []
    told = []
    while True:
        found = client.get(f"/v1/quizzes/{quiz}/next", headers=headers)
        if found.status_code == 410:
            break
        items.append(found.json()["question_id"])
        told.append(answer(client, headers, quiz, items[-1]).json())
        told.append(client.get(f"/v1/quizzes/{quiz}", headers=headers).json())
    told.append(client.post(f"/v1/quizzes/{quiz}/finish", headers=headers).json())
    return items, told


def leaks(told: list[Any]) -> list[Any]:
    return [
        (name, reply[name])
        for reply in told
        for name in (*TELLING, "theta_interval", "items")
        if reply.get(name) is not None
    ]


@pytest.mark.parametrize("policy", [{}, {"feedback": True}], ids=["default", "feedback"])
def test_practice_beside_an_open_exam_tells_nothing(client, as_user, new_exam, policy):
    """The harvesting script: every item of the pool is answered while an exam waits."""
    exam, mallory = new_exam("harvest", **policy), as_user("mallory", "student")
    waiting = ask(client, mallory, exam).json()["quiz_id"]
    client.get(f"/v1/quizzes/{waiting}/next", headers=mallory)
    seen: set[int] = set()
    while len(seen) < POOL:
        quiz = ask(client, mallory, exam, "tutor", 20).json()["quiz_id"]
        items, told = take(client, mallory, quiz)
        assert leaks(told) == []
        assert not seen.issuperset(items), "practice repeats items although others are left"
        seen.update(items)


def test_an_item_of_any_exam_that_keeps_its_key_is_not_explained(client, as_user, new_exam):
    """Practice of an open-handed exam cannot tell the key of an item that it shares."""
    practice, nora = (
        new_exam("practice", feedback=True, modes=["tutor"]),
        as_user("nora", "student"),
    )
    shared = new_exam("scored", slice(20))
    quiz = ask(client, nora, practice, "tutor", POOL).json()["quiz_id"]
    told, withheld = 0, 0
    for _ in range(POOL):
        item = client.get(f"/v1/quizzes/{quiz}/next", headers=nora).json()["question_id"]
        reply = answer(client, nora, quiz, item).json()
        if reply["correct_option"] is None:
            withheld += 1
            assert leaks([reply]) == []
        else:
            told += 1
    assert (told, withheld) == (20, 20)
    state = client.get(f"/v1/quizzes/{quiz}", headers=nora).json()
    assert leaks([state]) == [], "a total would tell of the items that were withheld"
    assert ask(client, nora, practice).json()["type"].endswith("mode-not-given")
    assert ask(client, nora, shared, "exam").status_code == 201


def test_what_was_practised_is_not_scored(client, as_user, new_exam):
    exam, pat = new_exam("known", feedback=True, review="items"), as_user("pat", "student")
    explained: set[int] = set()
    for _ in range(2):
        items, told = take(client, pat, ask(client, pat, exam, "tutor", 15).json()["quiz_id"])
        assert told[0]["correct_option"] == "A"
        explained.update(items)
    assert len(explained) == 30
    scored, _ = take(client, pat, ask(client, pat, exam, "exam", 10).json()["quiz_id"])
    assert explained.isdisjoint(scored)


def test_where_the_pool_is_too_small_the_longest_ago_comes_again(client, as_user, new_exam):
    exam = new_exam("small", slice(12), max_attempts=None)
    quinn = as_user("quinn", "student")
    rounds = [take(client, quinn, ask(client, quinn, exam).json()["quiz_id"])[0] for _ in range(4)]
    assert len({*rounds[0], *rounds[1]}) == 10
    assert {*rounds[2]}.isdisjoint(rounds[1])
    assert {*rounds[3]}.isdisjoint(rounds[2])
    assert all(len(set(items)) == 5 for items in rounds)


def test_one_sitting_at_a_time_even_if_asked_for_at_once(client, as_user, new_exam):
    exam, rob = new_exam("single", max_attempts=None), as_user("rob", "student")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(client, rob, exam), range(8)))
    made = [a.json()["quiz_id"] for a in answers if a.status_code == 201]
    refused = [a.json() for a in answers if a.status_code == 409]
    assert (len(made), len(refused)) == (1, 7)
    assert {r["type"].rsplit(":")[-1] for r in refused} == {"quiz-open"}
    assert {r["quiz_id"] for r in refused} == set(made)
    assert all(made[0] in r["detail"] for r in refused)
    # practice is no sitting; and a finished one makes room
    assert ask(client, rob, exam, "tutor").status_code == 201
    client.post(f"/v1/quizzes/{made[0]}/finish", headers=rob)
    assert ask(client, rob, exam).status_code == 201


def test_a_repeated_request_is_not_a_second_sitting(client, as_user, new_exam):
    exam, sue = new_exam("again"), as_user("sue", "student") | {"Idempotency-Key": "sitting-1"}
    first = ask(client, sue, exam)
    assert first.status_code == 201
    assert ask(client, sue, exam).json() == first.json()
    take(client, sue, first.json()["quiz_id"])
    assert ask(client, sue, exam).json()["quiz_id"] == first.json()["quiz_id"]


def test_attempts_are_counted_by_person(client, as_user, new_exam):
    exam = new_exam("twice", max_attempts=2)
    for person in ("tom", "una"):
        headers = as_user(person, "student")
        for _ in range(2):
            take(client, headers, ask(client, headers, exam).json()["quiz_id"])
        refused = ask(client, headers, exam)
        assert refused.status_code == 409
        assert refused.json()["type"].endswith("no-attempt-left")
        assert "2 of 2" in refused.json()["detail"]


def test_by_default_a_result_is_a_score_and_names_no_item(client, as_user, new_exam):
    exam, vic = new_exam("score"), as_user("vic", "student")
    _, told = take(client, vic, ask(client, vic, exam).json()["quiz_id"])
    assert told[-1]["correct"] == 5
    assert told[-1]["theta"] is not None
    assert told[-1]["items"] is None
    assert ask(client, vic, exam).json()["type"].endswith("no-attempt-left")


def test_an_author_who_sits_an_exam_cannot_read_its_keys(client, as_user, new_exam, world):
    exam, wes = new_exam("conflict"), as_user("wes", "student", "author", "reviewer", "publisher")
    quiz = ask(client, wes, exam).json()["quiz_id"]
    served = client.get(f"/v1/quizzes/{quiz}/next", headers=wes).json()["question_id"]
    other = next(q for q in world.questions[:POOL] if q != served)
    options = [{"label": "A", "text_md": "x", "is_correct": True}, {"label": "B", "text_md": "y"}]
    content = {"topic_id": world.topics["acids"], "stem_md": "?", "options": options}
    for question in (served, other):
        path = f"/v1/author/questions/{question}"
        for refused in (
            client.get(path, headers=wes),
            client.put(f"{path}/versions", json=content, headers=wes),
            client.post(f"{path}/reviews", json={"status": "pending"}, headers=wes),
            client.post(f"{path}/retire", headers=wes),
        ):
            assert refused.status_code == 409, refused.text
            assert refused.json()["quiz_id"] == quiz
            assert "is_correct" not in refused.text
    # a token without the student's role is still the same person
    alone = as_user("wes", "author")
    assert client.get(f"/v1/author/questions/{served}", headers=alone).status_code == 409
    outside = world.questions[POOL + 1]
    assert client.get(f"/v1/author/questions/{outside}", headers=wes).status_code == 200
    with world.connect() as conn:
        versions = "SELECT max(version) FROM question_versions WHERE question_id = ANY(%s)"
        assert conn.execute(versions, ([served, other],)).fetchone() == (1,)
    client.post(f"/v1/quizzes/{quiz}/finish", headers=wes)
    assert client.get(f"/v1/author/questions/{served}", headers=wes).status_code == 200


def test_an_open_tutor_item_is_not_to_be_looked_up_either(client, as_user, new_exam):
    exam, xia = new_exam("lookup", feedback=True), as_user("xia", "student", "author")
    quiz = ask(client, xia, exam, "tutor").json()["quiz_id"]
    item = client.get(f"/v1/quizzes/{quiz}/next", headers=xia).json()["question_id"]
    assert client.get(f"/v1/author/questions/{item}", headers=xia).status_code == 409
    answer(client, xia, quiz, item)
    assert client.get(f"/v1/author/questions/{item}", headers=xia).status_code == 200


@pytest.mark.parametrize(
    ("attempts", "message"),
    [
        ({"tries": 3}, "policy.attempts of exam wrong has 'tries': use modes, max_attempts"),
        ({"max_attempts": 0}, "max_attempts is 0"),
        ({"feedback": "yes"}, "feedback is 'yes'"),
        (3, "policy.attempts of exam wrong is 3: give an object"),
    ],
)
def test_a_wrong_policy_gives_no_quiz_and_names_what_is_wrong(
    client, as_user, new_exam, world, attempts, message
):
    exam = new_exam("wrong")
    with world.connect() as conn:
        policy = Jsonb({"attempts": attempts})
        conn.execute("UPDATE exams SET policy = %s WHERE exam_code = %s", (policy, exam))
    refused = ask(client, as_user("yan", "student"), exam)
    assert refused.status_code == 422
    assert message in refused.json()["detail"]


def test_metrics_do_not_tell_whether_an_answer_was_right(client, as_user, new_exam, scraper):
    zoe = as_user("zoe", "student")
    quiz = ask(client, zoe, new_exam("metered")).json()["quiz_id"]
    item = client.get(f"/v1/quizzes/{quiz}/next", headers=zoe).json()["question_id"]
    answer(client, zoe, quiz, item)
    lines = client.get("/metrics", headers=scraper).text.splitlines()
    assert [x for x in lines if x.startswith("qbank_api_answers") and "correct" in x] == []


def moment(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


@pytest.mark.parametrize(
    ("window", "status"),
    [
        ({"opens_at": moment(-1)}, 201),
        ({"opens_at": moment(1)}, 409),
        ({"closes_at": moment(1)}, 201),
        ({"closes_at": moment(-1)}, 409),
        ({"opens_at": moment(-2), "closes_at": moment(-1)}, 409),
    ],
)
def test_a_sitting_begins_within_the_exams_window(client, as_user, new_exam, window, status):
    exam, ann = new_exam("window", **window), as_user("ann", "student")
    made = ask(client, ann, exam)
    assert made.status_code == status, made.text
    if status == 409:
        assert made.json()["type"].endswith(":not-open")
        assert any(value in made.json()["detail"] for value in window.values())
    # practice is not bound to it
    assert ask(client, as_user("ben", "student"), exam, mode="tutor").status_code == 201


def test_the_next_sitting_waits_for_the_cool_down(client, as_user, new_exam, world):
    exam = new_exam("cool", max_attempts=3, cool_down_minutes=30, repeat_after_days=0)
    ann = as_user("ann", "student")
    take(client, ann, ask(client, ann, exam).json()["quiz_id"])
    early = ask(client, ann, exam)
    assert (early.status_code, early.json()["type"].rpartition(":")[2]) == (409, "cool-down")
    assert 1700 < int(early.headers["retry-after"]) <= 1800
    assert ask(client, as_user("ben", "student"), exam).status_code == 201
    with world.connect() as conn:
        conn.execute(
            "UPDATE quiz_sessions SET sealed_at = sealed_at - interval '31 minutes',"
            " started_at = started_at - interval '31 minutes'"
            " WHERE exam_code = %s AND user_id = 'ann'",
            (exam,),
        )
    assert ask(client, ann, exam).status_code == 201


def lasts(made: Any) -> float:
    """Minutes from now until a quiz expires."""
    expires = datetime.fromisoformat(made.json()["expires_at"])
    return (expires - datetime.now(UTC)) / timedelta(minutes=1)


def test_who_needs_it_has_more_time(client, as_user, new_exam):
    exam = new_exam("timed", time_limit_minutes=45, accommodations={"ann": 1.5})
    for user, mode, minutes in (
        ("ann", "exam", 68),  # 67.5, rounded up
        ("ben", "exam", 45),
        ("eve", "tutor", 180),  # practice lasts as long as ever
    ):
        made = ask(client, as_user(user, "student"), exam, mode=mode)
        assert lasts(made) == pytest.approx(minutes, abs=0.5), user


def test_no_sitting_lasts_longer_than_a_week(client, as_user, new_exam):
    exam = new_exam("slow", time_limit_minutes=7 * 1440, accommodations={"ann": 2})
    made = ask(client, as_user("ann", "student"), exam, mode="exam")
    assert lasts(made) == pytest.approx(7 * 1440, abs=0.5)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"opens_at": "tomorrow"}, "'tomorrow' is no moment"),
        ({"opens_at": "2026-06-01T09:00"}, "is no moment"),
        (
            {"opens_at": "2026-06-01T09:00Z", "closes_at": "2026-06-01T10:00+02:00"},
            "opens_at 2026-06-01T09:00Z is not before closes_at",
        ),
        ({"accommodations": {"ann": 0.5}}, "accommodations"),
        ({"cool_down_minutes": -1}, "cool_down_minutes"),
    ],
)
def test_a_time_that_cannot_be_kept_to_is_named(client, as_user, new_exam, policy, words):
    exam = new_exam("bad-times", **policy)
    refused = ask(client, as_user("ann", "student"), exam)
    assert refused.status_code == 422
    assert words in refused.json()["detail"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"num_questions": 2}, "num_questions"),
        ({"difficulty": ["easy"]}, "topics or difficulty"),
        ({"adaptive": False}, "adaptive=false"),
        ({"blueprint_quota": True}, "blueprint_quota"),
    ],
)
def test_a_sitting_is_as_it_was_certified_where_the_policy_says_so(
    client, as_user, new_exam, world, changes, named
):
    exam, eve = (
        new_exam(f"alike-{len(named)}", as_certified=True, max_attempts=None),
        as_user("eve", "student"),
    )
    with world.connect() as conn:
        conn.execute("UPDATE exams SET test_length = 5 WHERE exam_code = %s", (exam,))
    of_filters = {"num_questions", "difficulty"}
    filters = {"exam_code": exam} | {k: v for k, v in changes.items() if k in of_filters}
    rest = {k: v for k, v in changes.items() if k not in of_filters}
    refused = client.post(
        "/v1/quizzes", json={"filters": filters | {"mode": "exam"}} | rest, headers=eve
    )
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:qbank:problem:not-as-certified"
    assert refused.json()["detail"].endswith(f"leave out {named}")
    usual = {"exam_code": exam, "mode": "exam"}
    made = client.post("/v1/quizzes", json={"filters": usual}, headers=eve)
    assert (made.status_code, made.json()["num_questions"]) == (201, 5)
