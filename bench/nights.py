"""Nights of many small exams, by ``qbank nightly``: with a fifth of them due, and with nothing due.

A fifth of the exams has answers enough to calibrate, the others wait for more. The schedule skips a
night in which nothing is due, so what such a night costs is its look; the command, which somebody
gave, builds the marts all the same. Run alone it takes the number of exams:
``python -m bench.nights --exams 50 500``. What never lives here: what is due.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any, Final, LiteralString

import numpy as np
import psycopg
from rich.console import Console
from rich.table import Table

from bench.marts import server
from bench.measure import Cost, core_seconds_of, postmaster, table
from qbank.postgres import connect
from qbank.programs import program
from qbank.settings import Settings

ITEMS: Final = 30
ENOUGH, FEW = 260, 30  # persons: 200 first attempts are asked for
_CONTENT: Final[LiteralString] = """
INSERT INTO topics (tenant_id, name) VALUES ('bench', 'All');
INSERT INTO exams (exam_code, tenant_id, title, irt_model, tau, test_length)
SELECT 'exam' || e, 'bench', 'Exam ' || e, '2pl', 0.6, 10 FROM generate_series(1, %(exams)s) AS e;
INSERT INTO questions (tenant_id, created_by)
SELECT 'bench', 'author' FROM generate_series(1, %(exams)s * %(items)s);
INSERT INTO question_versions (question_id, version, state, stem_md, topic_id, created_by)
SELECT q, 1, 'approved', 'Stem', 1, 'author' FROM generate_series(1, %(exams)s * %(items)s) AS q;
INSERT INTO question_options (question_version_id, option_label, option_text_md, is_correct)
SELECT v.id, label, 'Text', label = 'A'
FROM question_versions AS v, unnest(ARRAY['A', 'B']) AS label;
UPDATE question_versions SET state = 'published';
INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)
SELECT (e - 1) * %(items)s + i, 1, 'exam' || e, 'bench'
FROM generate_series(1, %(exams)s) AS e, generate_series(1, %(items)s) AS i;
INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code, selector,
    num_questions, started_at, expires_at, sealed_at)
SELECT 'exam' || e || '-' || p, 'u' || p, 'bench', 'exam', false, 'exam' || e, 'fixed', %(items)s,
    at, at + interval '2 hours', at + interval '1 hour'
FROM generate_series(1, %(exams)s) AS e
CROSS JOIN LATERAL generate_series(1, CASE WHEN e <= %(due)s THEN %(enough)s ELSE %(few)s END) AS p
CROSS JOIN LATERAL (SELECT now() - interval '9 days' + p * interval '1 minute' AS at) AS began;
"""
_LOOK: Final = """
from datetime import UTC, datetime
from qbank_orchestration.instance import instance
from qbank_orchestration.resources import Database
from qbank_orchestration.schedules import reason_to_run
with instance() as opened:
    print(reason_to_run(opened, Database(), datetime.now(UTC).date()))
"""


def load(owner: psycopg.Connection[Any], exams: int) -> None:
    """Writes the exams, each a fixed form that everybody answers whole, as a 2PL answers it."""
    due = exams // 5
    sizes = {"exams": exams, "items": ITEMS, "due": due, "enough": ENOUGH, "few": FEW}
    random = np.random.default_rng(exams)
    with owner.transaction(), owner.cursor() as cursor:
        owner.execute("SET LOCAL session_replication_role = replica")
        for statement in _CONTENT.split(";\n"):
            cursor.execute(statement, sizes if "%(" in statement else None)
        cursor.execute(
            """INSERT INTO quiz_items
                (quiz_id, question_id, version, position, served_at, selector)
            SELECT s.id, (substr(s.exam_code, 5)::int - 1) * %(items)s + i, 1, i,
                s.started_at + i * interval '30 s', 'fixed'
            FROM quiz_sessions AS s, generate_series(1, %(items)s) AS i""",
            sizes,
        )
        columns = "quiz_id, user_id, question_id, version, option_label, is_correct, created_at"
        served = cursor.execute(
            """SELECT i.quiz_id, s.user_id, i.question_id, i.position, i.served_at
            FROM quiz_items AS i JOIN quiz_sessions AS s ON s.id = i.quiz_id
            ORDER BY i.quiz_id, i.position"""
        ).fetchall()
        theta = np.repeat(random.standard_normal(len(served) // ITEMS), ITEMS)
        b = np.tile(np.linspace(-1.5, 1.5, ITEMS), len(served) // ITEMS)
        right = random.random(len(served)) < 1 / (1 + np.exp(-1.7 * (theta - b)))
        with cursor.copy(f"COPY user_responses ({columns}) FROM STDIN") as copy:
            for (quiz, user, question, _, at), correct in zip(served, right, strict=True):
                copy.write_row((quiz, user, question, 1, "AB"[1 - correct], bool(correct), at))


def night(settings: Settings) -> tuple[int, int, Cost]:
    """One command; gives exams that were calibrated, failures and what it cost."""
    said, cost = _timed(settings, program("qbank"), "nightly", "--json")
    exams = json.loads(said)["exams"]
    published = sum(bool(exam["published"]) for exam in exams)
    return published, sum(not exam["success"] for exam in exams), cost


def look(settings: Settings) -> Cost:
    """What the schedule does before it skips a night, in a process that is started for it."""
    why, cost = _timed(settings, sys.executable, "-c", _LOOK)
    if why.strip() != "None":
        raise RuntimeError(f"a night is due: {why}")
    return cost


def _timed(settings: Settings, *command: str) -> tuple[str, Cost]:
    environment = os.environ | {"QBANK_HOME": str(settings.home)}
    began, spent = time.perf_counter(), core_seconds_of(os.getpid(), postmaster(settings))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    core = core_seconds_of(os.getpid(), postmaster(settings)) - spent
    if not done.stdout:
        raise RuntimeError(f"{command[0]} failed:\n{done.stderr}")
    return done.stdout, Cost(seconds, core)


def measure(sizes: list[int]) -> Table:
    """A night with a fifth of the exams due, and those after it, for each number of exams."""
    made = table(
        "nights of small exams, one command each",
        "exams · night", "published", "failed", "wall s", "core s",
    )  # fmt: skip
    for exams in sizes:
        with server() as settings:
            with connect(settings=settings, autocommit=True) as owner:
                load(owner, exams)
                owner.execute("ANALYZE")
            for name in (f"{exams // 5} due", "nothing due"):
                published, failed, cost = night(settings)
                made.add_row(f"{exams} · {name}", str(published), str(failed), *_told(cost))
            made.add_row(
                f"{exams} · nothing due, the schedule skips it", "", "", *_told(look(settings))
            )
    return made


def _told(cost: Cost) -> tuple[str, str]:
    return f"{cost.seconds:.1f}", f"{cost.core_seconds:.1f}"


def run(*, quick: bool = False) -> Table:
    """The benchmark as `python -m bench` runs it."""
    return measure([10] if quick else [50, 500])


def main() -> None:
    """Prints the table for the numbers asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exams", type=int, nargs="+", default=[50, 500], help="at each of these")
    Console(width=120).print(measure(parser.parse_args().exams))


if __name__ == "__main__":
    main()
