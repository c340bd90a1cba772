"""A database that is locked or slow: 503 with Retry-After, and all is well afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest

from delivery_api.app import create_app
from delivery_api.services import Services
from delivery_api.settings import ApiSettings
from qbank.postgres import connect

LOCK_S = 0.4


@pytest.fixture(scope="module")
def api(world: Any, as_user: Any, module_server: Any) -> Iterator[httpx.Client]:
    server = module_server(QBANK_API_LOCK_TIMEOUT_S=str(LOCK_S), QBANK_API_STATEMENT_TIMEOUT_S="5")
    with httpx.Client(base_url=server.url, headers=as_user("ann", "student", "author")) as http:
        yield http


@contextmanager
def locked(world: Any, *tables: str) -> Iterator[None]:
    with connect("owner", settings=world.settings) as conn:
        conn.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        yield
        conn.rollback()


def refused(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:qbank:problem:unavailable"
    assert int(answer.headers["retry-after"]) > 0


def test_a_locked_table_gives_503_soon_and_readiness_says_so(world, api):
    new = {"filters": {"exam_code": "core", "num_questions": 5}}
    quizzes = [api.post("/v1/quizzes", json=new).json()["quiz_id"] for _ in range(3)]
    assert api.get("/ready").status_code == 200

    def ask(k: int) -> httpx.Response:
        if k % 4 == 0:
            return api.post("/v1/quizzes", json=new)
        method, step = [("GET", "/next"), ("GET", ""), ("POST", "/finish")][k % 4 - 1]
        return api.request(method, f"/v1/quizzes/{quizzes[k % 3]}{step}")

    with locked(world, "quiz_sessions", "questions"), ThreadPoolExecutor(21) as at_once:
        began = time.monotonic()
        asked = [at_once.submit(ask, k) for k in range(20)]
        probe = at_once.submit(api.get, "/ready", timeout=10)
        listing = at_once.submit(api.get, "/v1/author/questions")
        for request in (*asked, listing):
            refused(request.result())
        assert probe.result().status_code == 503
        # a few rounds of lock timeouts over the connections; without any it takes for ever
        assert time.monotonic() - began < 20
        ready = api.get("/ready")
        assert ready.status_code == 503
        (database,) = [c for c in ready.json()["checks"] if c["name"] == "database"]
        assert not database["ok"]
        assert "lock timeout" in database["reason"]
        assert api.get("/health").status_code == 200
    assert api.get("/ready").status_code == 200
    for quiz in quizzes:
        assert api.get(f"/v1/quizzes/{quiz}/next").status_code in (200, 410)
    assert api.get("/v1/author/questions").status_code == 200


def test_a_statement_that_takes_too_long_gives_503(world, as_user, start_server):
    server = start_server(QBANK_API_LOCK_TIMEOUT_S="60", QBANK_API_STATEMENT_TIMEOUT_S="0.4")
    with httpx.Client(base_url=server.url, headers=as_user("bob", "student")) as http:
        with locked(world, "exams"):
            refused(http.post("/v1/quizzes", json={"filters": {"exam_code": "core"}}))
        assert http.post("/v1/quizzes", json={"filters": {"exam_code": "core"}}).status_code == 201


def test_a_transaction_in_which_nothing_happens_is_ended_by_postgres(world, monkeypatch):
    monkeypatch.setenv("QBANK_API_IDLE_TRANSACTION_TIMEOUT_S", "0.2")
    database = Services.of(create_app(ApiSettings.load(), world.settings)).database
    database._threads.open()
    try:
        with (  # noqa: PT012
            pytest.raises(psycopg.Error, match="idle-in-transaction"),
            database.transaction("demo") as conn,
        ):
            conn.execute("SELECT FROM exams")
            time.sleep(0.6)
            conn.execute("SELECT FROM exams")
    finally:
        database._threads.close()
