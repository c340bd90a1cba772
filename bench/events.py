"""Events from Postgres to Kafka: how many a second, how late, what is lost while all is killed.

Postgres, the relay's own command and a broker are processes of their own; two writers add steps of
quizzes while relay and Postgres are killed and the broker is stopped for a while, in turn. Run
alone it takes the size: ``python -m bench.events --events 1000000 --kills 30``. What never lives
here: assertions about time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from rich.console import Console
from rich.table import Table

from bench.marts import server
from bench.measure import postmaster, table
from qbank.errors import QbankError
from qbank.postgres import connect
from qbank.settings import Settings

STEPS: Final = 50
AT_ONCE: Final = 100  # quizzes whose next step is one transaction
RATE: Final = 2_000  # events a second that are to be told in time
_WRITE: Final = """INSERT INTO event_outbox
        (id, tenant_id, aggregatetype, aggregateid, type, payload)
    SELECT event_id(quiz || '/' || %(step)s), 'bench', 'quiz', quiz, 'answer_submitted',
        jsonb_build_object('quiz_id', quiz, 'position', %(step)s::int, 'at',
            extract(epoch FROM clock_timestamp())::float8, 'selected', repeat('x', 300))
    FROM generate_series(%(first)s::int, %(last)s::int) AS n
    CROSS JOIN LATERAL (SELECT 'quiz-' || n AS quiz)"""


@dataclass
class Disturbed:
    """How often what was disturbed."""

    relay: int = 0
    broker: int = 0
    postgres: int = 0

    def __str__(self) -> str:
        return f"{self.relay} · {self.broker} · {self.postgres}"


@dataclass
class Relaying:
    """The relay's command, started again whenever it was killed."""

    environment: dict[str, str]
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Starts it."""
        command = [sys.executable, "-c", "from qbank.cli import main; main()", "relay"]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, env=self.environment, stdout=quiet, stderr=quiet)

    def end(self) -> None:
        """Kills it."""
        self.process.kill()
        self.process.wait()


def run(*, quick: bool = False) -> Table:
    """As fast as can be, two thousand a second, and with everything killed."""
    events = 20_000 if quick else 1_000_000
    return measured(events, 6 if quick else 30)


def measured(events: int, kills: int) -> Table:
    """Relays so many events: as fast as can be, at a rate, and with so many disturbances."""
    made = table(
        "events from the outbox to Kafka",
        "events", "written/s", "relay · broker · Postgres disturbed", "seconds", "events/s",
        "p95 late s", "lost", "sent twice", "out of order",
    )  # fmt: skip
    for rate, disturbances in ((None, 0), (RATE, 0), (None, kills)):
        with server() as settings, _broker() as (servers, ask):
            # at a rate a tenth says as much
            size = events // 10 if rate else events
            _measure(made, settings, servers, ask, size, rate, disturbances)
    return made


def _measure(
    made: Table,
    settings: Settings,
    servers: str,
    ask: Any,
    events: int,
    rate: int | None,
    disturbances: int,
) -> None:
    written = events // (STEPS * AT_ONCE * 2) * STEPS * AT_ONCE * 2
    environment = os.environ | {
        "QBANK_HOME": str(settings.home),
        "QBANK_RELAY_KAFKA_SERVERS": servers,
        "QBANK_RELAY_BATCH": "2000",
    }
    relaying, counts = Relaying(environment), Disturbed()
    relaying.start()
    began = time.perf_counter()
    writers = [
        threading.Thread(target=_write, args=(settings, half, written // STEPS, rate))
        for half in (0, 1)
    ]
    for writer in writers:
        writer.start()
    if disturbances:
        _disturb(settings, relaying, ask, counts, disturbances)
    for writer in writers:
        writer.join()
    while (found := ask())["events"] < written and time.perf_counter() - began < 3600:
        time.sleep(0.2)
    seconds = time.perf_counter() - began
    relaying.end()
    cells = (
        f"{rate:,}" if rate else "all", counts, f"{seconds:.1f}", f"{written / seconds:,.0f}",
        f"{found['p95_s']:.2f}", written - found["events"], found["messages"] - found["events"],
        found["disordered"],
    )  # fmt: skip
    made.add_row(f"{written:,}", *map(str, cells))


def _write(settings: Settings, half: int, quizzes: int, rate: int | None) -> None:
    """Steps of half of the quizzes, a hundred quizzes at a time; what failed is written again."""
    due = time.perf_counter()
    for first in range(half * AT_ONCE, quizzes, 2 * AT_ONCE):
        step = 0
        while step < STEPS:
            with (
                contextlib.suppress(psycopg.Error, QbankError),
                connect("owner", settings=settings) as conn,
            ):
                while step < STEPS:
                    values = {"step": step, "first": first, "last": first + AT_ONCE - 1}
                    conn.execute(_WRITE, values)
                    conn.commit()
                    step += 1
                    if rate is not None:
                        due += 2 * AT_ONCE / rate
                        time.sleep(max(0.0, due - time.perf_counter()))


def _disturb(
    settings: Settings, relaying: Relaying, ask: Any, counts: Disturbed, disturbances: int
) -> None:
    for turn in range(disturbances):
        time.sleep(1.0)
        match turn % 3:
            case 0:
                relaying.end()
                relaying.start()
                counts.relay += 1
            case 1:
                os.kill(ask.pid, signal.SIGSTOP)
                time.sleep(0.7)
                os.kill(ask.pid, signal.SIGCONT)
                counts.broker += 1
            case _:
                os.kill(postmaster(settings), signal.SIGKILL)
                counts.postgres += 1


class _Asked:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.pid = process.pid
        self._process = process

    def __call__(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))


@contextmanager
def _broker() -> Iterator[tuple[str, _Asked]]:
    command = [sys.executable, "-m", "bench.events_broker"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), _Asked(process)
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    """Parses the command line and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.events", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=30)
    options = parser.parse_args()
    Console(width=160).print(measured(options.events, options.kills))


if __name__ == "__main__":
    main()
