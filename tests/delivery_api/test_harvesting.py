"""Who takes much of a pool in a day, or answers faster than anybody reads, is told of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from qbank.stores import harvesting
from qbank.stores.harvesting import Pattern
from tests.delivery_api.test_quizzes import answer

FEW = {"items": 20, "live": 150, "answers": 20, "median_s": 30.0}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, None),
        ({"items": 100}, "100 of 150 items"),
        ({"items": 100, "live": 20_000, "answers": 90}, None),
        ({"items": 99, "live": 99, "answers": 90}, None),
        ({"answers": 50, "median_s": 1.9}, "50 answers in a day took 1.9 s"),
        ({"answers": 50, "median_s": 2.0}, None),
        ({"answers": 49, "median_s": 0.1}, None),
        ({"items": 50, "answers": 16}, "50 items were looked at in a day, and 16 answered"),
        ({"items": 50, "answers": 17}, None),
        ({"items": 49, "answers": 0, "median_s": None}, None),
    ],
)
def test_what_looks_like_harvesting(more, told):
    said = Pattern(**(FEW | more)).suspicion
    assert said is None if told is None else told in said


def suspected() -> float:
    return REGISTRY.get_sample_value("qbank_api_harvesting_total", {"exam_code": "core"}) or 0.0


def take(client: Any, headers: dict[str, str], items: int) -> None:
    body = {"filters": {"exam_code": "core", "num_questions": items}}
    quiz = client.post("/v1/quizzes", json=body, headers=headers).json()["quiz_id"]
    for _ in range(items):
        item = client.get(f"/v1/quizzes/{quiz}/next", headers=headers).json()
        answer(client, headers, quiz, item["question_id"])


def test_a_person_who_answers_faster_than_anybody_reads_is_told_of(client, as_user, caplog):
    bot = as_user("bot", "student")
    before = suspected()
    take(client, bot, harvesting.FAST_ANSWERS)
    assert (suspected(), "harvesting" in caplog.text) == (before, False)
    take(client, bot, 1)
    assert suspected() == before + 1
    assert (
        "looks like harvesting: user 'bot' of tenant 'demo' in exam core: 50 answers" in caplog.text
    )
    # who comes beside it is not
    take(client, as_user("reader", "student"), 1)
    assert suspected() == before + 1


def test_a_look_that_fails_undoes_no_quiz(client, as_user, caplog, monkeypatch):
    monkeypatch.setattr(harvesting, "OF_PERSON", "SELECT 1 / 0")
    ann = as_user("ann", "student")
    body = {"filters": {"exam_code": "core", "num_questions": 3}}
    made = client.post("/v1/quizzes", json=body, headers=ann)
    assert made.status_code == 201, made.text
    assert client.get(f"/v1/quizzes/{made.json()['quiz_id']}", headers=ann).status_code == 200
    assert "nobody looked for harvesting: division by zero" in caplog.text


def test_the_page_says_when():
    page = " ".join(Path("docs/api/operation.md").read_text().split())
    items, share = harvesting.MOST_ITEMS, f"{harvesting.MOST_SHARE:.0%}"
    answers, seconds = harvesting.FAST_ANSWERS, f"{harvesting.FAST_S:g}"
    assert f"{items} different items or more in a day that are {share} or more of an" in page
    assert f"{answers} answers or more in a day whose median is under {seconds} s" in page
    looked_at, each = harvesting.LOOKED_AT, harvesting.ITEMS_PER_ANSWER
    assert f"{looked_at} different items or more in a day of which one in {each} or" in page
