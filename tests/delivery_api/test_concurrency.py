"""Two API processes, many requests at once: one item a position, one response an item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest


@pytest.fixture(scope="module")
def pair(world, module_server) -> list[str]:
    return [module_server(QBANK_MAX_DAILY_EXPOSURES="1000").url for _ in range(2)]


def make(url: str, headers: dict[str, str], **filters: Any) -> str:
    body = {"filters": {"exam_code": "core", "num_questions": 6} | filters}
    answer = httpx.post(f"{url}/v1/quizzes", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()["quiz_id"]


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def rows(world: Any, quiz: str) -> list[Any]:
    with world.connect() as conn:
        return conn.execute(
            """SELECT i.position, i.question_id, count(r.id) FROM quiz_items AS i
            LEFT JOIN user_responses AS r USING (quiz_id, question_id)
            WHERE i.quiz_id = %s GROUP BY 1, 2 ORDER BY 1""",
            (quiz,),
        ).fetchall()


def test_parallel_next_serves_one_item(world, pair, as_user):
    for k in range(5):
        student = as_user(f"p{k}", "student")
        quiz = make(pair[0], student)

        def ask(n: int, quiz: str = quiz, student: dict[str, str] = student) -> Any:
            return httpx.get(f"{pair[n % 2]}/v1/quizzes/{quiz}/next", headers=student, timeout=30)

        answers = at_once(12, ask)
        assert {a.status_code for a in answers} == {200}
        assert len({a.text for a in answers}) == 1
        assert [(row[0], row[2]) for row in rows(world, quiz)] == [(1, 0)]
        with world.connect() as conn:
            counted = conn.execute(
                """SELECT (SELECT sum(served) FROM exposure_daily WHERE exam_code = 'core'),
                (SELECT count(*) FROM quiz_items AS i JOIN quiz_sessions AS s
                 ON s.id = i.quiz_id AND s.exam_code = 'core')"""
            ).fetchone()
        assert counted[0] == counted[1]


def test_a_double_submit_records_one_response(world, pair, as_user):
    student = as_user("double", "student")
    quiz = make(pair[0], student)
    for _ in range(6):
        item = httpx.get(f"{pair[0]}/v1/quizzes/{quiz}/next", headers=student).json()
        body = {"question_id": item["question_id"], "selected": "C", "time_taken_ms": 5}

        def submit(n: int, body: dict[str, Any] = body) -> Any:
            url = f"{pair[n % 2]}/v1/quizzes/{quiz}/answers"
            return httpx.post(url, json=body, headers=student, timeout=30)

        answers = at_once(10, submit)
        assert {a.status_code for a in answers} == {200}
        assert len({a.text for a in answers}) == 1
    assert [(row[0], row[2]) for row in rows(world, quiz)] == [(k, 1) for k in range(1, 7)]


def test_of_two_different_answers_one_stands(world, pair, as_user):
    student = as_user("torn", "student")
    quiz = make(pair[0], student)
    item = httpx.get(f"{pair[0]}/v1/quizzes/{quiz}/next", headers=student).json()

    def submit(n: int) -> Any:
        body = {"question_id": item["question_id"], "selected": "ABCD"[n % 4]}
        url = f"{pair[n % 2]}/v1/quizzes/{quiz}/answers"
        return n % 4, httpx.post(url, json=body, headers=student, timeout=30).status_code

    outcome = at_once(12, submit)
    assert Counter(status for _, status in outcome) == {200: 3, 409: 9}
    winner = {label for label, status in outcome if status == 200}
    assert len(winner) == 1
    with world.connect() as conn:
        stored = conn.execute(
            "SELECT option_label FROM user_responses WHERE quiz_id = %s", (quiz,)
        ).fetchall()
    assert stored == [("ABCD"[winner.pop()],)]


def test_answers_and_finish_at_once_lose_nothing(world, pair, as_user):
    for k in range(8):
        student = as_user(f"race{k}", "student")
        quiz = make(pair[0], student)
        item = httpx.get(f"{pair[0]}/v1/quizzes/{quiz}/next", headers=student).json()

        def act(n: int, quiz: str = quiz, student: Any = student, item: Any = item) -> Any:
            if n == 0:
                return httpx.post(f"{pair[1]}/v1/quizzes/{quiz}/finish", headers=student).json()
            body = {"question_id": item["question_id"], "selected": "A"}
            return httpx.post(
                f"{pair[0]}/v1/quizzes/{quiz}/answers", json=body, headers=student
            ).status_code

        finished, answered = at_once(2, act)
        assert finished["status"] == "finished"
        # accepted before the seal and counted in it, or refused: never accepted and left out
        assert (answered, finished["answered"]) in {(200, 1), (410, 0)}


def test_the_daily_cap_holds_while_there_are_others(world, module_server, as_user):
    urls = [module_server(QBANK_MAX_DAILY_EXPOSURES="3").url for _ in range(2)]
    with world.connect() as conn:
        conn.execute("UPDATE exposure_daily SET day = day - 1")
    topic = world.topics["physics"]

    def take(n: int) -> Counter[int]:
        student = as_user(f"cap{n}", "student")
        quiz = make(urls[n % 2], student, topics=[topic], difficulty=["hard"], num_questions=5)
        served = []
        for _ in range(5):
            url = f"{urls[n % 2]}/v1/quizzes/{quiz}"
            answer = httpx.get(f"{url}/next", headers=student, timeout=30)
            assert answer.status_code == 200, answer.text
            item = answer.json()["question_id"]
            served.append(item)
            body = {"question_id": item, "selected": "B"}
            httpx.post(f"{url}/answers", json=body, headers=student, timeout=30)
        return Counter(served)

    def counts() -> dict[int, tuple[int, int]]:
        with world.connect() as conn:
            sql = """SELECT question_id, served, people FROM exposure_daily
                WHERE day = current_date AND exam_code = 'core'"""
            return {item: tuple(counted) for item, *counted in conn.execute(sql).fetchall()}

    # of 20 items × 3 people, 9 students × 5 items find enough: 5 are left to the last of them
    served = sum(at_once(9, take), Counter())
    assert max(served.values()) <= 3
    assert counts() == {item: (count, count) for item, count in served.items()}
    # then all reach their cap, and still nobody is sent away
    served += sum(at_once(7, lambda n: take(9 + n)), Counter())
    assert sum(served.values()) == 80
    assert len(served) == 20
    assert counts() == {item: (count, count) for item, count in served.items()}
