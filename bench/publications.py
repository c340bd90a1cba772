"""What publishing costs students: the delivery API quiet, and under 300 publications a minute.

One server of two processes on a pool of 20,000 items, whole quizzes of 20 items, in pairs of runs:
the same load with nothing else, and with a publication every 0.2 s and another sh_p every second,
over HTTP as people do it. Core time is that of the server and of Postgres, that of the publications
included. What never lives here: the load (``delivery_load``), assertions about time.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.delivery_load import Connection, Outcome, drive
from bench.delivery_pool import database, load_pool
from bench.delivery_servers import OURS, Server, commands, start
from bench.measure import table
from delivery_api.settings import ApiSettings
from delivery_api.tokens import Tokens
from qbank.postgres import connect
from qbank.settings import Settings

ITEMS, EXAM = 20_000, "pool-20000"
QUESTIONS = 20
A_MINUTE = 300
CHANGES_OF_SH_P = 5  # publications to one change of sh_p
PREPARED = 2_000  # versions to publish: for the runs of a server that keeps up


@dataclass(frozen=True)
class Size:
    """How much load.

    Attributes:
        at_once: students who work at the same time.
        sessions: quizzes of a run.
        pairs: of runs, quiet and publishing; medians are shown.
    """

    at_once: int
    sessions: int
    pairs: int


@dataclass(frozen=True)
class Run:
    """One run: what the students saw, the processor time, and what was published meanwhile."""

    outcome: Outcome
    core_seconds: float
    published: int


def run(*, quick: bool = False) -> Table:
    """Measures and returns the table."""
    size = Size(8, 200, 1) if quick else Size(8, 1200, 3)
    say = Console(stderr=True)
    quiet: list[Run] = []
    busy: list[Run] = []
    with database() as settings:
        say.print(f"loading a pool of {ITEMS:,} items")
        load_pool(settings, ITEMS)
        approved = iter(_approved(settings, PREPARED))
        _, command, environment = commands(settings, 2)[-1]
        with start(command, environment) as server:
            asyncio.run(_load(settings, server, Size(size.at_once, 4 * size.at_once, 1)))
            for k in range(size.pairs):
                for runs, questions in ((quiet, None), (busy, approved)):
                    say.print(f"{OURS}, pair {k + 1}: {'quiet' if questions is None else 'busy'}")
                    runs.append(_run(settings, server, size, questions))
    return _table(quiet, busy, size)


def _approved(settings: Settings, count: int) -> list[int]:
    """Writes an approved second version of some questions of the pool; returns their ids."""
    with connect(settings=settings) as conn:
        rows = conn.execute(
            """WITH versions AS (
                INSERT INTO question_versions
                    (question_id, version, state, stem_md, rationale_md, topic_id, created_by)
                SELECT question_id, 2, 'approved', stem_md, rationale_md, topic_id, 'bench'
                FROM question_versions WHERE question_id %% 10 = 0 ORDER BY question_id LIMIT %s
                RETURNING id, question_id),
            options AS (
                INSERT INTO question_options
                    (question_version_id, option_label, option_text_md, is_correct)
                SELECT id, label, repeat('option ', 5), label = 'A'
                FROM versions, unnest(ARRAY['A', 'B', 'C', 'D']) AS label)
            SELECT question_id FROM versions""",
            (count,),
        ).fetchall()
    return [row[0] for row in rows]


def _run(settings: Settings, server: Server, size: Size, approved: Iterator[int] | None) -> Run:
    before = server.core_seconds(settings)
    outcome, published = asyncio.run(_load(settings, server, size, approved))
    return Run(outcome, server.core_seconds(settings) - before, published)


async def _load(
    settings: Settings, server: Server, size: Size, approved: Iterator[int] | None = None
) -> tuple[Outcome, int]:
    tokens = Tokens(ApiSettings.load(), settings)

    def headers(user: str, *roles: str) -> str:
        return f"Authorization: Bearer {tokens.issue(user, list(roles), 'bench', 3600)}\r\n"

    done: list[int] = []
    staff = headers("staff", "publisher", "admin")
    publishing = None
    if approved is not None:
        publishing = asyncio.create_task(_publish(server.port, staff, approved, done))
    outcome = await drive(
        server.port,
        EXAM,
        at_once=size.at_once,
        sessions=size.sessions,
        questions=QUESTIONS,
        headers=lambda user: headers(user, "student"),
        new_quiz=lambda _, exam, questions: {
            "filters": {"exam_code": exam, "num_questions": questions}
        },
    )
    if publishing is not None:
        if publishing.done():
            publishing.result()
        publishing.cancel()
    return outcome, len(done)


async def _publish(port: int, staff: str, approved: Iterator[int], done: list[int]) -> None:
    """Publishes at an even pace until it is stopped."""
    connection, began = Connection(port), time.monotonic()
    for n in itertools.count():
        await asyncio.sleep(began + n * 60 / A_MINUTE - time.monotonic())
        question = next(approved, None)
        if question is None:
            raise RuntimeError(f"all {PREPARED:,} versions are published: the server is too slow")
        path = f"/v1/author/publish/{question}?exam_code={EXAM}"
        requests: list[tuple[str, object]] = [(path, None)]
        if n % CHANGES_OF_SH_P == 0:
            control = {"exam_code": EXAM, "question_id": question + 1, "version": 1}
            requests.append(
                ("/v1/admin/exposure/set", control | {"sh_p": 0.5, "note": f"change {n}"})
            )
        for to, body in requests:
            status, answer = await connection.send("POST", to, staff, body)
            if status >= 300:
                raise RuntimeError(f"POST {to}: {status} {answer!r}")
        done.append(question)


_FIGURES: dict[str, Callable[[Run], float]] = {
    "requests/s": lambda run: run.outcome.requests / run.outcome.seconds,
    "core ms/request": lambda run: 1000 * run.core_seconds / run.outcome.requests,
    "make p99 ms": lambda run: run.outcome.milliseconds("create", 99),
    "next p50 ms": lambda run: run.outcome.milliseconds("next", 50),
    "next p99 ms": lambda run: run.outcome.milliseconds("next", 99),
    "answer p50 ms": lambda run: run.outcome.milliseconds("answer", 50),
    "answer p99 ms": lambda run: run.outcome.milliseconds("answer", 99),
    "slowest ms": lambda run: max(
        run.outcome.milliseconds(kind, 100) for kind in run.outcome.times
    ),
    "publications a minute": lambda run: 60 * run.published / run.outcome.seconds,
    "errors": lambda run: len(run.outcome.errors),
}


def _table(quiet: list[Run], busy: list[Run], size: Size) -> Table:
    made = table(
        f"publications: pool of {ITEMS:,}, quizzes of {QUESTIONS} items, {size.at_once} students at"
        f" once, 2 processes; medians of {size.pairs}",
        "figure",
        "quiet",
        "publishing",
        "ratio",
    )
    for name, figure in _FIGURES.items():
        first, second = (statistics.median(figure(run) for run in runs) for runs in (quiet, busy))
        ratio = f"{second / first:.2f}" if first else ""
        made.add_row(name, f"{first:,.2f}", f"{second:,.2f}", ratio)
    return made
