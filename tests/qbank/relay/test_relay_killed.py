"""`qbank relay` killed half-way, again and again: none is lost, and order is kept."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from qbank.postgres import connect
from tests.qbank.relay.broker import read_all, serving
from tests.qbank.relay.events import step, write
from tests.qbank.relay.test_webhooks import SECRET, receiving

RELAY = [sys.executable, "-c", "from qbank.cli import main; main()", "relay"]
QUIZZES, STEPS = 40, 50


@pytest.fixture
def reading(settings, monkeypatch):
    """A broker and a webhook, named in the environment of the relays."""
    with serving() as (servers, process), receiving() as receiver:
        monkeypatch.setenv("QBANK_RELAY_KAFKA_SERVERS", servers)
        monkeypatch.setenv("QBANK_RELAY_WEBHOOK_URL", receiver.url)
        monkeypatch.setenv("QBANK_RELAY_WEBHOOK_SECRET", SECRET)
        monkeypatch.setenv("QBANK_RELAY_BATCH", "50")
        yield servers, process, receiver


def deliver_quizzes(seed: int) -> None:
    """Two writers at once, each with transactions that stay open for a while."""

    def one(half: int) -> None:
        chance = random.Random(seed + half)  # noqa: S311
        done = {f"quiz-{number}": 0 for number in range(half, QUIZZES, 2)}
        held = None  # the quiz whose step is in a transaction that stays open
        with connect("owner") as conn, connect("owner") as slow:
            while open_quizzes := [q for q, n in done.items() if n < STEPS and q != held]:
                quiz = chance.choice(open_quizzes)
                if held is None and chance.random() < 0.1:
                    held = quiz
                    write(slow, quiz, done[quiz])
                else:
                    write(conn, quiz, done[quiz])
                    conn.commit()
                done[quiz] += 1
                if chance.random() < 0.1 or len(open_quizzes) == 1:
                    slow.commit()
                    held = None

    writers = [threading.Thread(target=one, args=(half,)) for half in (0, 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


def check(steps: list[tuple[str, int]]) -> int:
    """Returns how many came more than once."""
    first = list(dict.fromkeys(steps))
    assert len(first) == QUIZZES * STEPS, "lost"
    for quiz in {quiz for quiz, _number in first}:
        assert [n for q, n in first if q == quiz] == list(range(STEPS)), f"{quiz} is out of order"
    return len(steps) - len(first)


def test_nothing_is_lost_whenever_it_is_killed(reading):
    servers, broker, receiver = reading
    writing = threading.Thread(target=deliver_quizzes, args=(1,))
    writing.start()
    chance = random.Random(2)  # noqa: S311
    for turn in range(4):
        relay = subprocess.Popen(
            RELAY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert relay.stdout.readline() == "relaying to kafka, webhook\n"
        if turn == 1:  # the brokers hang meanwhile
            os.kill(broker, signal.SIGSTOP)
        time.sleep(chance.uniform(0.1, 0.5))
        os.kill(broker, signal.SIGCONT)
        relay.kill()
        relay.communicate()
    writing.join()
    relay = subprocess.Popen(RELAY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    deadline = time.monotonic() + 60
    with connect("orchestration", autocommit=True) as conn:
        behind = """SELECT min(position) < (SELECT max(position) FROM event_outbox)
            OR count(*) < 2 FROM event_relays"""
        while conn.execute(behind).fetchone()[0]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    relay.send_signal(signal.SIGTERM)
    assert relay.wait(15) == 0
    relay.communicate()
    doubles = check([step(message.value()) for message in read_all(servers, "qbank.quiz")])
    doubles += check(receiver.steps)
    ids = {headers["webhook-id"] for headers, _body in receiver.came}
    assert len(ids) == QUIZZES * STEPS
    print(f"{doubles} came twice")
