"""Throughput and latency of the delivery API against a server as first designs have it.

Both run as real processes on the same Postgres of their own, one after the other, in the same run,
under the same load: quizzes of 20 items from start to finish. Afterwards every acknowledged answer
is looked for in the database. ``python -m bench.delivery`` runs it alone.

What never lives here: the load (``delivery_load``), assertions about time.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.delivery_load import Outcome, drive
from bench.delivery_pool import database, load_pool
from bench.delivery_servers import BASELINE, OURS, Server, commands, start
from delivery_api.settings import ApiSettings
from delivery_api.tokens import Tokens
from qbank.postgres import connect
from qbank.settings import Settings

POOLS = (500, 20_000)
QUESTIONS = 20


@dataclass(frozen=True)
class Size:
    """How much load.

    Attributes:
        at_once: students who work at the same time.
        sessions: quizzes of each run against ours; the baseline gets a tenth.
        workers: processes of either server.
        repeats: runs, of which the median is shown.
    """

    at_once: int
    sessions: int
    workers: int
    repeats: int


@dataclass(frozen=True)
class Run:
    """One run: what the students saw, and the processor time it took."""

    outcome: Outcome
    core_seconds: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.outcome.requests / self.outcome.seconds

    @property
    def core_ms(self) -> float:
        """Processor milliseconds a request, server and Postgres together."""
        return 1000 * self.core_seconds / self.outcome.requests


@dataclass(frozen=True)
class Row:
    """All runs of a server on a pool, and how many acknowledged answers are not there."""

    name: str
    pool: int
    runs: list[Run]
    missing: int

    def median(self, figure: Callable[[Run], float]) -> float:
        """Median of a figure over the runs."""
        return statistics.median(figure(run) for run in self.runs)


def run(*, quick: bool = False) -> Table:
    """Measures and returns the table; quick takes seconds and says less."""
    size = Size(8, 60, 2, 1) if quick else Size(16, 600, 2, 3)
    say = Console(stderr=True)
    rows = []
    with database() as settings:
        for pool in POOLS:
            say.print(f"loading a pool of {pool:,} items")
            load_pool(settings, pool)
        for name, command, environment in commands(settings, size.workers):
            with start(command, environment) as server:
                for pool in POOLS:
                    share = 1 if name == OURS else 10
                    say.print(f"{name}: pool of {pool:,}")
                    runs = [
                        _drive(settings, name, server, pool, size, share)
                        for _ in range(size.repeats)
                    ]
                    rows.append(Row(name, pool, runs, _missing(settings, runs)))
        cost = _cost_of_events(settings, size)
    table = _table(rows, size)
    table.caption = cost
    return table


def _cost_of_events(settings: Settings, size: Size) -> str:
    """What the outbox adds to a request; two servers take turns, for machines warm up and tire."""
    command = next(command for name, command, _ in commands(settings, size.workers) if name == OURS)
    off: list[Run] = []
    on: list[Run] = []
    with start(command, {}) as silent, start(command, {"QBANK_EVENTS": "true"}) as telling:
        for _ in range(2 * size.repeats):
            off.append(_drive(settings, OURS, silent, POOLS[0], size, 1))
            on.append(_drive(settings, OURS, telling, POOLS[0], size, 1))
    with connect(settings=settings) as conn:
        told = conn.execute("SELECT count(*) FROM event_outbox").fetchone()
    ratios = sorted(b.core_ms / a.core_ms for a, b in zip(off, on, strict=True))
    return (
        f"events on, core ms/req against off: {statistics.median(ratios):.3f}× "
        f"({ratios[0]:.3f} to {ratios[-1]:.3f} of {len(ratios)} pairs); "
        f"{told[0] if told else 0:,} events written, {_missing(settings, on)} answers missing"
    )


_COLUMNS: dict[str, Callable[[Run], float]] = {
    "next p50 ms": lambda run: run.outcome.milliseconds("next", 50),
    "p95": lambda run: run.outcome.milliseconds("next", 95),
    "p99": lambda run: run.outcome.milliseconds("next", 99),
    "answer p50 ms": lambda run: run.outcome.milliseconds("answer", 50),
    "p99 ": lambda run: run.outcome.milliseconds("answer", 99),
}


def _table(rows: list[Row], size: Size) -> Table:
    table = Table(
        title=f"delivery: quizzes of {QUESTIONS} items, {size.at_once} students at once, "
        f"{size.workers} processes a server; core = server and Postgres"
    )
    table.add_column("server")
    counts = ("errors", "acknowledged", "missing")
    for column in ("pool", "req/s", "ratio", "core ms/req", "ratio ", *_COLUMNS, *counts):
        table.add_column(column, justify="right")
    first = {row.pool: row for row in rows if row.name == BASELINE}
    for row in rows:
        rate, core = row.median(lambda run: run.rate), row.median(lambda run: run.core_ms)
        base = first[row.pool]
        table.add_row(
            row.name,
            f"{row.pool:,}",
            f"{rate:,.0f}",
            f"{rate / base.median(lambda run: run.rate):.1f}×",
            f"{core:.2f}",
            f"{base.median(lambda run: run.core_ms) / core:.1f}×",
            *(f"{row.median(figure):.2f}" for figure in _COLUMNS.values()),
            str(sum(len(run.outcome.errors) for run in row.runs)),
            f"{sum(len(run.outcome.acknowledged) for run in row.runs):,}",
            str(row.missing),
        )
    return table


def _drive(settings: Settings, name: str, server: Server, pool: int, size: Size, share: int) -> Run:
    tokens = Tokens(ApiSettings.load(), settings)

    def headers(user: str) -> str:
        token = tokens.issue(user, ["student"], "bench", 3600)
        return f"Authorization: Bearer {token}\r\n"

    def new_quiz(user: str, exam: str, questions: int) -> dict[str, Any]:
        if name == OURS:
            return {"filters": {"exam_code": exam, "num_questions": questions}}
        return {"user_id": user, "exam_code": exam, "num_questions": questions}

    def load(sessions: int) -> Outcome:
        return asyncio.run(
            drive(
                server.port,
                f"pool-{pool}",
                at_once=size.at_once,
                sessions=sessions,
                questions=QUESTIONS,
                headers=headers,
                new_quiz=new_quiz,
            )
        )

    load(2 * size.at_once)  # connections, caches and prepared statements, for both
    before = server.core_seconds(settings)
    outcome = load(max(size.at_once, size.sessions // share))
    return Run(outcome, server.core_seconds(settings) - before)


def _missing(settings: Settings, runs: list[Run]) -> int:
    """Acknowledged answers that the database does not have, or has differently."""
    with connect(settings=settings) as conn:
        stored = {
            (quiz, question): option
            for quiz, question, option in conn.execute(
                "SELECT quiz_id, question_id, option_label FROM user_responses"
            )
        }
    return sum(
        stored.get(key) != option
        for run in runs
        for key, option in run.outcome.acknowledged.items()
    )


def main() -> None:
    """Runs this bench alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    Console(width=160).print(run(quick=parser.parse_args().quick))


if __name__ == "__main__":
    main()
