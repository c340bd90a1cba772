"""Connections lost, Postgres killed, the API killed, under load: what was acknowledged is there.

These have an embedded server of their own, with flushing to disk on as in production.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from qbank import migrations
from qbank.postgres import embedded
from qbank.postgres.server_supervisor import process_alive
from qbank.settings import get_settings
from tests.qbank.servers import postmaster_of

pytestmark = pytest.mark.slow
STUDENTS = 6


@pytest.fixture(scope="module")
def own_server(api_environment: None) -> Iterator[Any]:
    """A migrated database in an embedded server that nobody else uses."""
    home = tempfile.mkdtemp(prefix="qbank-faults-")
    Path(home).chmod(0o711)
    kept = {name: os.environ.get(name) for name in ("QBANK_HOME", "QBANK_POSTGRES_FSYNC")}
    os.environ |= {"QBANK_HOME": home, "QBANK_POSTGRES_FSYNC": "true"}
    settings = get_settings()
    migrations.migrate(settings)
    yield settings
    embedded.drop(settings, force=True)
    for name, value in kept.items():
        if value is None:
            os.environ.pop(name)
        else:
            os.environ[name] = value
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def world(own_server: Any, build_world: Any) -> Iterator[Any]:
    with build_world(own_server) as made:
        yield made


@dataclass
class Load:
    """Students who take quizzes until told to stop; a request without an answer is sent again.

    Attributes:
        acknowledged: (quiz, question) to the option that was acknowledged.
        served: (quiz, position) to the questions that were shown there.
        unexpected: answers that a student could not make sense of.
    """

    urls: list[str]
    as_user: Callable[..., dict[str, str]]
    acknowledged: dict[tuple[str, int], str] = field(default_factory=dict)
    served: dict[tuple[str, int], set[int]] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    retried: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._student, args=(n,)) for n in range(STUDENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()

    def _student(self, n: int) -> None:
        headers = self.as_user(f"s{n}-{time.monotonic_ns()}", "student")
        quizzes = 0
        with httpx.Client(headers=headers, timeout=30) as http:
            while not self.stop.is_set():
                quizzes += 1
                self._quiz(http, f"load-{n}-{quizzes}-{os.getpid()}", n)

    def _quiz(self, http: httpx.Client, key: str, n: int) -> None:
        body = {"filters": {"exam_code": "core", "num_questions": 8}}
        made = self._send(
            http, n, "POST", "/quizzes", 201, json=body, headers={"Idempotency-Key": key}
        )
        if made is None:
            return
        quiz = made["quiz_id"]
        for position in range(1, 9):
            item = self._send(http, n, "GET", f"/quizzes/{quiz}/next", 200)
            if item is None:
                return
            self.served.setdefault((quiz, position), set()).add(item["question_id"])
            selected = "ABCD"[(item["question_id"] + n) % 4]
            answer = {"question_id": item["question_id"], "selected": selected}
            done = self._send(http, n, "POST", f"/quizzes/{quiz}/answers", 200, json=answer)
            if done is None:
                return
            self.acknowledged[quiz, item["question_id"]] = selected
            if done["answered"] != position:
                self.unexpected.append(f"{quiz}: {done['answered']} answered at {position}")

    def _send(
        self, http: httpx.Client, n: int, method: str, path: str, wanted: int, **request: Any
    ) -> Any:
        for attempt in range(600):
            if self.stop.is_set() and attempt:
                return None  # the test is over while this one was still trying
            try:
                url = self.urls[(n + attempt) % len(self.urls)]
                answer = http.request(method, f"{url}/v1{path}", **request)
            except httpx.TransportError:
                self.retried += 1
                time.sleep(0.05)
                continue
            if answer.status_code == wanted:
                return answer.json()
            self.retried += 1
            if answer.status_code != 503:
                self.unexpected.append(f"{method} {path}: {answer.status_code} {answer.text}")
                return None
            time.sleep(0.05)
        self.unexpected.append(f"{method} {path}: no answer after 600 attempts")
        return None

    def wait_for(self, answers: int) -> None:
        """Waits until so many more answers are acknowledged."""
        goal, deadline = len(self.acknowledged) + answers, time.monotonic() + 90
        while len(self.acknowledged) < goal:
            assert time.monotonic() < deadline, (len(self.acknowledged), self.unexpected[:3])
            time.sleep(0.02)


def check(world: Any, load: Load) -> None:
    """Everything acknowledged is stored once, as it was acknowledged; nothing was served twice."""
    assert load.unexpected == []
    with world.connect() as conn:
        stored = {
            (quiz, question): option
            for quiz, question, option in conn.execute(
                "SELECT quiz_id, question_id, option_label FROM user_responses"
            ).fetchall()
        }
        positions = conn.execute(
            """SELECT quiz_id, position, question_id FROM quiz_items ORDER BY quiz_id, position"""
        ).fetchall()
        counted = conn.execute(
            """SELECT (SELECT sum(served) FROM exposure_daily),
                (SELECT count(*) FROM quiz_items)"""
        ).fetchone()
    assert load.acknowledged.items() <= stored.items()
    shown = {(quiz, position): question for quiz, position, question in positions}
    for key, questions in load.served.items():
        assert questions == {shown[key]}, key
    assert counted[0] == counted[1]


def test_lost_connections_are_not_noticed(world, as_user, start_server):
    server = start_server()
    with Load([server.url], as_user) as load:
        for _ in range(5):
            load.wait_for(20)
            with world.connect() as conn:
                killed = conn.execute(
                    """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE usename = 'qbank_delivery' AND datname = current_database()"""
                ).fetchone()[0]
            assert killed >= 2
        load.wait_for(20)
    check(world, load)
    assert load.retried == 0  # the API went on by itself


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_postgres_killed_under_load_comes_back_and_has_every_answer(
    how, world, own_server, as_user, start_server
):
    server = start_server()
    with Load([server.url], as_user) as load:
        for _ in range(2):
            load.wait_for(60)
            os.kill(postmaster_of(own_server), how)
        load.wait_for(60)
    check(world, load)


def test_an_api_process_killed_under_load_is_replaced_by_the_other(world, as_user, start_server):
    doomed, other = start_server(), start_server()
    with Load([doomed.url, other.url], as_user) as load:
        load.wait_for(60)
        doomed.stop(signal.SIGKILL)
        load.wait_for(60)
    check(world, load)
    assert load.retried > 0


def test_workers_share_the_load_and_metrics_add_up(world, as_user, start_server, scraper):
    server = start_server(QBANK_API_WORKERS="2")
    with Load([server.url], as_user) as load:
        load.wait_for(150)
    check(world, load)
    text = httpx.get(f"{server.url}/metrics", headers=scraper).text
    (line,) = (row for row in text.splitlines() if row.startswith("qbank_api_answers_total"))
    assert float(line.split()[-1]) == len(load.acknowledged)


@pytest.mark.parametrize("ready", [True, False])
def test_workers_do_not_outlive_the_process_that_minds_them(start_server, ready):
    server = start_server(wait=ready, QBANK_API_WORKERS="2")
    pid = server.process.pid
    deadline = time.monotonic() + 60
    while len(workers := Path(f"/proc/{pid}/task/{pid}/children").read_text().split()) < 3:
        assert time.monotonic() < deadline, "two workers, and Python's own tracker, did not start"
        time.sleep(0.02)
    server.stop(signal.SIGKILL)
    deadline = time.monotonic() + 60  # one that only begins to import notices it afterwards
    while any(process_alive(int(worker)) for worker in workers):
        assert time.monotonic() < deadline, "a worker is still there"
        time.sleep(0.1)


def test_a_worker_that_a_busy_machine_keeps_waiting_is_not_killed_for_it(start_server):
    server = start_server(QBANK_API_WORKERS="2")
    pid = server.process.pid
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for worker in workers:
        os.kill(int(worker), signal.SIGSTOP)
    time.sleep(8)
    for worker in workers:
        os.kill(int(worker), signal.SIGCONT)
    assert httpx.get(f"{server.url}/health", timeout=30).status_code == 200
    assert Path(f"/proc/{pid}/task/{pid}/children").read_text().split() == workers


def test_a_stopped_server_answers_what_it_has_begun(world, as_user, start_server):
    server = start_server()
    with Load([server.url], as_user) as load:
        load.wait_for(30)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) in (0, -signal.SIGTERM)
        load.stop.set()
    check(world, load)
