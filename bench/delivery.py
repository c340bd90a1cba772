"""Throughput and latency of the delivery API against a server as first designs have it.

Both run as real processes on the same Postgres of their own, one after the other, in the same run,
under the same load: quizzes of 20 items from start to finish. Afterwards every acknowledged answer
is looked for in the database. ``python -m bench.delivery`` runs it alone.

What never lives here: the load (``delivery_load``), assertions about time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.delivery_load import Outcome, drive
from delivery_api.settings import ApiSettings
from delivery_api.tokens import Tokens
from qbank import migrations
from qbank.postgres import connect, dsn, embedded
from qbank.settings import Settings, get_settings

PROJECT = Path(__file__).resolve().parents[1]
POOLS = (500, 20_000)
QUESTIONS = 20
OURS, BASELINE = "qbank", "first design"


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


def run(quick: bool = False) -> Table:
    """Measures and returns the table; quick takes seconds and says less."""
    size = Size(8, 60, 2, 1) if quick else Size(16, 600, 2, 3)
    say = Console(stderr=True)
    rows = []
    with _database() as settings:
        for pool in POOLS:
            say.print(f"loading a pool of {pool:,} items")
            _load_pool(settings, pool)
        for name, command, environment in _servers(settings, size):
            with _server(command, environment) as port:
                for pool in POOLS:
                    share = 1 if name == OURS else 10
                    say.print(f"{name}: pool of {pool:,}")
                    outcomes = [
                        _drive(settings, name, port, pool, size, share) for _ in range(size.repeats)
                    ]
                    rows.append((name, pool, outcomes, _missing(settings, outcomes)))
    return _table(rows, size)


def _table(rows: list[tuple[str, int, list[Outcome], int]], size: Size) -> Table:
    table = Table(
        title=f"delivery: quizzes of {QUESTIONS} items, {size.at_once} students at once, "
        f"{size.workers} processes a server"
    )
    for column in (
        "server",
        "pool",
        "requests/s",
        "ratio",
        "next p50 ms",
        "next p95",
        "next p99",
        "answer p50 ms",
        "answer p99",
        "errors",
        "acknowledged",
        "missing",
    ):
        table.add_column(column, justify="left" if column == "server" else "right")
    rates = {
        (name, pool): statistics.median(o.requests / o.seconds for o in outcomes)
        for name, pool, outcomes, _ in rows
    }
    for name, pool, outcomes, missing in rows:
        table.add_row(
            name,
            f"{pool:,}",
            f"{rates[name, pool]:,.0f}",
            f"{rates[name, pool] / rates['first design', pool]:.1f}",
            *(_milliseconds(outcomes, "next", q) for q in (50, 95, 99)),
            *(_milliseconds(outcomes, "answer", q) for q in (50, 99)),
            str(sum(len(o.errors) for o in outcomes)),
            f"{sum(len(o.acknowledged) for o in outcomes):,}",
            str(missing),
        )
    return table


def _milliseconds(outcomes: list[Outcome], kind: str, percentile: float) -> str:
    values = [1000 * np.percentile(o.times[kind], percentile) for o in outcomes]
    return f"{statistics.median(values):.2f}"


def _drive(settings: Settings, name: str, port: int, pool: int, size: Size, share: int) -> Outcome:
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
                port,
                f"pool-{pool}",
                at_once=size.at_once,
                sessions=sessions,
                questions=QUESTIONS,
                headers=headers,
                new_quiz=new_quiz,
            )
        )

    load(2 * size.at_once)  # connections, caches and prepared statements, for both
    return load(max(size.at_once, size.sessions // share))


def _missing(settings: Settings, outcomes: list[Outcome]) -> int:
    """Acknowledged answers that the database does not have, or has differently."""
    with connect(settings=settings) as conn:
        stored = {
            (quiz, question): option
            for quiz, question, option in conn.execute(
                "SELECT quiz_id, question_id, option_label FROM user_responses"
            )
        }
    return sum(
        stored.get(key) != option for o in outcomes for key, option in o.acknowledged.items()
    )


def _servers(settings: Settings, size: Size) -> list[tuple[str, list[str], dict[str, str]]]:
    workers = ["--workers", str(size.workers)]
    quiet = ["--log-level", "warning", "--no-access-log", *workers, "--port"]
    environment = {"BASELINE_DSN": dsn("owner", settings)}
    orm, by_hand = (f"bench.baselines.delivery_server{kind}:app" for kind in ("", "_sql"))
    return [
        (BASELINE, ["uvicorn", orm, *quiet], environment),
        (f"{BASELINE}, SQL by hand", ["uvicorn", by_hand, *quiet], environment),
        (OURS, ["delivery_api", *workers, "--port"], {}),
    ]


@contextmanager
def _server(command: list[str], environment: dict[str, str]) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, str(port)],
        cwd=PROJECT,
        env=os.environ | environment,
        stderr=subprocess.DEVNULL,  # ours writes an access log, which is part of its cost
    )
    try:
        _wait(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start in time")


@contextmanager
def _database() -> Iterator[Settings]:
    """A migrated Postgres of its own, flushing to disk as in production."""
    home = tempfile.mkdtemp(prefix="qbank-bench-")
    Path(home).chmod(0o711)
    kept = dict(os.environ)
    os.environ |= {
        "QBANK_HOME": home,
        "QBANK_ENV": "test",
        "QBANK_LOG_FORMAT": "json",
        "QBANK_JWT_SECRET": secrets.token_urlsafe(48),
        "QBANK_MAX_DAILY_EXPOSURES": "1000000",
    }
    settings = get_settings()
    try:
        migrations.migrate(settings)
        yield settings
    finally:
        embedded.drop(settings, force=True)
        os.environ.clear()
        os.environ |= kept
        shutil.rmtree(home, ignore_errors=True)


def _load_pool(settings: Settings, items: int) -> None:
    exam = f"pool-{items}"
    rng = np.random.default_rng(items)
    a = np.exp(0.3 * rng.standard_normal(items))
    b = rng.standard_normal(items)
    sh_p = np.where(rng.random(items) < 0.2, rng.uniform(0.2, 1.0, items), 1.0)
    with connect(settings=settings) as conn:
        conn.execute("INSERT INTO exams VALUES (%s, 'bench', %s)", (exam, exam))
        topic = conn.execute(
            "INSERT INTO topics (tenant_id, name) VALUES ('bench', %s) RETURNING id", (exam,)
        ).fetchone()
        assert topic is not None
        questions = conn.execute(
            """INSERT INTO questions (tenant_id, created_by)
            SELECT 'bench', 'bench' FROM generate_series(1, %s) RETURNING id""",
            (items,),
        ).fetchall()
        ids = [row[0] for row in questions]
        conn.execute(
            """WITH versions AS (
                INSERT INTO question_versions
                    (question_id, version, stem_md, rationale_md, topic_id, created_by)
                SELECT q, 1, repeat('a stem of usual length ', 15), repeat('because ', 20), %s,
                    'bench' FROM unnest(%s::bigint[]) AS q RETURNING id)
            INSERT INTO question_options
                (question_version_id, option_label, option_text_md, is_correct)
            SELECT id, label, repeat('option ', 5), label = 'A'
            FROM versions, unnest(ARRAY['A', 'B', 'C', 'D']) AS label""",
            (topic[0], ids),
        )
        conn.execute(
            "UPDATE question_versions SET state = 'published' WHERE question_id = ANY(%s)", (ids,)
        )
        conn.execute(
            """INSERT INTO item_calibration
                (exam_code, question_id, version, model, a, b, n_respondents, converged)
            SELECT %s, q, 1, '2pl', a, b, 1000, true
            FROM unnest(%s::bigint[], %s::float8[], %s::float8[]) AS p (q, a, b)""",
            (exam, ids, a.tolist(), b.tolist()),
        )
        conn.execute(
            """INSERT INTO item_exposure_control
                (exam_code, question_id, version, sh_p, updated_by)
            SELECT %s, q, 1, k, 'bench' FROM unnest(%s::bigint[], %s::float8[]) AS p (q, k)""",
            (exam, ids, sh_p.tolist()),
        )
        conn.execute(
            """INSERT INTO question_publications
                (question_id, live_version, exam_code, tenant_id)
            SELECT unnest(%s::bigint[]), 1, %s, 'bench'""",
            (ids, exam),
        )
        conn.commit()
        conn.autocommit = True
        conn.execute("ANALYZE")


def main() -> None:
    """Runs this bench alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    Console(width=160).print(run(parser.parse_args().quick))


if __name__ == "__main__":
    main()
