"""A backup is restored under a running process, which remembers what is there no more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from delivery_api.app import create_app
from qbank import backups
from tests.delivery_api.conftest import FREE, World, add_exam, add_items, until_current
from tests.delivery_api.test_banks import begin, eventually, version, version_here
from tests.delivery_api.test_quizzes import answer


@dataclass
class Before:
    """What a process knew before the database went back.

    Attributes:
        items: of ann's open quiz; all but the first were served, and answered but for the last, in
            what is lost.
        lost: an item that was published since, and was everybody's first.
    """

    client: TestClient
    exam: str
    ann: dict[str, str]
    quiz: str
    items: list[int]
    lost: int
    version: int


@pytest.fixture
def before(world: World, as_user: Any, tmp_path: Path) -> Iterator[Before]:
    exam = f"restored-{time.monotonic_ns()}"
    with world.connect() as conn:
        ids = add_items(conn, "demo", [world.topics["physics"]], 12)
        add_exam(conn, "demo", exam, ids, attempts=FREE)
    with TestClient(create_app(settings=world.settings)) as client:
        ann, made = begin(client, as_user, exam, num_questions=5)
        quiz = made.json()["quiz_id"]
        items = [next_item(client, ann, quiz)["question_id"]]
        answer(client, ann, quiz, items[0])
        backups.backup(tmp_path / "backup", world.settings)
        lost = publish(world, exam, "lost")
        until_current(client, world, exam)
        for _ in range(2):
            items.append(next_item(client, ann, quiz)["question_id"])
            answer(client, ann, quiz, items[-1])
        items.append(next_item(client, ann, quiz)["question_id"])
        assert first_stem(client, as_user, exam) == "lost"
        known = version_here(client, exam)
        backups.restore(tmp_path / "backup", world.settings, replace=True)
        yield Before(client, exam, ann, quiz, items, lost, known)


def publish(world: World, exam: str, stem: str) -> int:
    """Publishes an item that comes first; the parameters of all others change with it."""
    with world.connect() as conn:
        (item,) = add_items(conn, "demo", [world.topics["physics"]], 1, stem=stem)
        conn.execute("UPDATE item_calibration SET a = a / 2 WHERE exam_code = %s", (exam,))
        conn.execute(
            """INSERT INTO item_calibration
                (exam_code, question_id, version, model, a, b, c, n_respondents, converged)
            VALUES (%s, %s, 1, '2pl', 3, 0, 0, 1000, true)""",
            (exam, item),
        )
        conn.execute(
            """INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)
            VALUES (%s, 1, %s, 'demo')""",
            (item, exam),
        )
    return item


def next_item(client: TestClient, headers: dict[str, str], quiz: str) -> dict[str, Any]:
    found = client.get(f"/v1/quizzes/{quiz}/next", headers=headers)
    assert found.status_code == 200, found.text
    return found.json()


def first_stem(client: TestClient, as_user: Any, exam: str) -> str:
    headers, made = begin(client, as_user, exam)
    return next_item(client, headers, made.json()["quiz_id"])["stem_md"]


def test_what_is_there_no_more_is_forgotten(before: Before, as_user, world):
    client, ann, quiz = before.client, before.ann, before.quiz
    assert version(world, before.exam) < before.version
    assert answer(client, ann, quiz, before.items[-1]).status_code == 404
    taken = before.items[:1]
    for position in range(2, 6):
        item = next_item(client, ann, quiz)
        taken.append(item["question_id"])
        assert item["position"] == position
        assert answer(client, ann, quiz, taken[-1]).json()["answered"] == position
    assert before.lost not in taken
    # by the parameters that are in force, not by those that are lost
    sealed = client.get(f"/v1/quizzes/{quiz}", headers=ann).json()
    with world.connect() as conn:
        sql = "SELECT question_id, a FROM item_calibration WHERE exam_code = %s"
        in_force = dict(conn.execute(sql, (before.exam,)).fetchall())
    assert [item["a"] for item in sealed["items"]] == [in_force[item] for item in taken]
    assert sealed["scored_under"]["bank_version"] == version(world, before.exam)


def test_a_quiz_that_is_remembered_goes_on_where_the_database_has_it(before: Before, world):
    client, ann, quiz = before.client, before.ann, before.quiz
    assert next_item(client, ann, quiz)["position"] == 2
    with world.connect() as conn:
        sql = "SELECT array_agg(position ORDER BY position) FROM quiz_items WHERE quiz_id = %s"
        assert conn.execute(sql, (quiz,)).fetchone() == ([1, 2],)


def test_what_is_published_later_is_another_under_the_same_number(before: Before, as_user, world):
    assert publish(world, before.exam, "another") == before.lost
    assert version(world, before.exam) > before.version
    eventually(lambda: first_stem(before.client, as_user, before.exam) == "another")
