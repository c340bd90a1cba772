"""Ways to keep a mart up, on the same night: what each costs, and how many rows it gets wrong.

The mart is answers by item, exam and day. The night has new answers, late ones, and corrections:
ten sittings each are rescored, emptied, moved to the day before. Run alone it takes the size:
``python -m bench.marts_strategies --rows 2000000 --night 20000``. What never lives here: the ways
themselves (``strategies/*.sql``, models that a copy of the dbt project is given).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from bench import marts_rows
from bench.marts import PROJECT, server
from qbank.postgres import connect, libpq_environment
from qbank.programs import program
from qbank.settings import Settings
from qbank_orchestration import dbt_program

WAYS: Final = {
    "by_full": "a table, made anew",
    "by_delete_insert": "delete+insert, days with news",
    "by_merge": "merge, days with news",
    "by_microbatch": "microbatch, 3 days back",
    "by_recent_days": "delete+insert, the last 3 days",
    "by_month": "months with news, rebuilt whole",
    "by_log": "replace_touched, the log of changes",
}
ROWS_A_DAY: Final = 10_000  # so that a history of millions is as long as a bank's: months
CORRECTIONS: Final[LiteralString] = """
UPDATE user_responses SET is_correct = NOT is_correct
WHERE quiz_id IN (SELECT id FROM quiz_sessions ORDER BY md5(id || 'rescored') LIMIT 10);
DELETE FROM user_responses
WHERE quiz_id IN (SELECT id FROM quiz_sessions ORDER BY md5(id || 'erased') LIMIT 10);
UPDATE quiz_sessions SET started_at = started_at - interval '1 day'
WHERE id IN (SELECT id FROM quiz_sessions ORDER BY md5(id || 'moved') LIMIT 10);
"""


@dataclass(frozen=True)
class Way:
    """What one way cost.

    Attributes:
        first: seconds of making the mart.
        night: seconds of the night.
        wrong: rows that differ from the mart made anew, are missing, or too many.
    """

    first: float
    night: float
    wrong: int


def measure(rows: int, night: int, say: Console) -> dict[str, Way]:
    """Loads, makes the mart in every way, corrects and adds a night, and makes it again."""
    with server() as settings:
        owner = connect(settings=settings, autocommit=True)
        project = _project(settings.home / "project")
        say.print(f"loading {rows:,} responses")
        marts_rows.load_history(owner, rows, rows_a_day=ROWS_A_DAY)
        say.print("the mart, in every way")
        day = owner.execute("SELECT min(started_at)::date::text FROM quiz_sessions").fetchone()
        first_day = day[0] if day else ""
        _run(settings, project, first_day, "+fact_responses")
        first = _run(settings, project, first_day, *WAYS)
        # this project builds anew what has no mark of what it read; only its own way makes one
        owner.execute(
            "INSERT INTO mart_reads (model) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING",
            (list(WAYS),),
        )
        owner.execute("VACUUM ANALYZE")
        say.print("the night")
        marts_rows.load_night(owner, night)
        with owner.transaction():
            for statement in CORRECTIONS.split(";"):
                if statement.strip():
                    owner.execute(statement)
        _run(settings, project, first_day, "+fact_responses")
        then = _run(settings, project, first_day, *WAYS)
        ways = {name: Way(first[name], then[name], _wrong(owner, name)) for name in WAYS}
        owner.close()
    return ways


def _project(copy: Path) -> Path:
    """A copy of the dbt project that has the ways as models besides."""
    shutil.copytree(PROJECT / "dbt_qbank", copy)
    ways = copy / "models" / "strategies"
    ways.mkdir()
    source = Path(__file__).parent / "strategies"
    for name in WAYS:
        shutil.copy(source / f"{name}.sql", ways)
    shutil.copy(source / "macros.sql", copy / "macros" / "strategies.sql")
    settings = copy / "dbt_project.yml"
    text = settings.read_text()
    own = "\n    strategies:\n      +schema: analytics_staging\n"
    # a batch reads its own days of the fact
    facts = "      delivery:\n        fact_responses:\n          +event_time: session_started_on\n"
    text = text.replace("\ndata_tests:", own + "\ndata_tests:", 1)
    marts = text.index("    marts:")
    text = text[:marts] + text[marts:].replace("      delivery:\n", facts, 1)
    settings.write_text(text)
    return copy


def _run(settings: Settings, project: Path, first_day: str, *models: str) -> dict[str, float]:
    """Runs models one after another; gives their seconds."""
    work = settings.home / "dbt"
    command: Sequence[str] = [
        *(program(dbt_program.NAME), "--quiet", "run", "--select", *models, "--threads", "1"),
        *("--vars", json.dumps({"first_day": first_day})),
        *("--project-dir", str(project), "--profiles-dir", str(project)),
        *("--target-path", str(work), "--log-path", str(work)),
    ]
    environment = os.environ | libpq_environment("orchestration", settings)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"dbt run failed:\n{done.stdout}\n{done.stderr}")
    results = json.loads((work / "run_results.json").read_text())["results"]
    return {r["unique_id"].split(".")[-1]: float(r["execution_time"]) for r in results}


def _wrong(owner: psycopg.Connection[Any], name: str) -> int:
    columns = sql.SQL(
        "exam_code, session_started_on, question_id, version,"
        " attempts, first_attempts, first_correct"
    )
    query = sql.SQL(
        """WITH truth AS (SELECT {columns} FROM analytics_staging.by_full),
        mart AS (SELECT {columns} FROM {mart})
        SELECT count(*) FROM truth FULL JOIN mart USING (
            exam_code, session_started_on, question_id, version
        )
        WHERE (truth.attempts, truth.first_attempts, truth.first_correct)
            IS DISTINCT FROM (mart.attempts, mart.first_attempts, mart.first_correct)"""
    ).format(columns=columns, mart=sql.Identifier("analytics_staging", name))
    row = owner.execute(query).fetchone()
    return int(row[0]) if row else 0


def table(ways: dict[str, Way], rows: int, night: int) -> Table:
    """The ways against the mart made anew as the baseline."""
    result = Table(title=f"strategies: {rows:,} responses, a night of {night:,} and corrections")
    for column in ("way", "first s", "night s", "of anew", "wrong rows"):
        result.add_column(column, justify="left" if column == "way" else "right")
    anew = ways["by_full"].night
    for name, way in ways.items():
        result.add_row(
            *(WAYS[name], f"{way.first:.1f}", f"{way.night:.1f}", f"{way.night / anew:.0%}"),
            f"{way.wrong:,}",
        )
    return result


def run(*, quick: bool = False) -> Table:
    """The benchmark as `python -m bench` runs it."""
    rows, night = (200_000, 2_000) if quick else (2_000_000, 20_000)
    return table(measure(rows, night, Console(stderr=True)), rows, night)


def main() -> None:
    """Prints the table for the size asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="responses before the night")
    parser.add_argument("--night", type=int, default=20_000, help="responses of the night")
    asked = parser.parse_args()
    console = Console()
    console.print(table(measure(asked.rows, asked.night, console), asked.rows, asked.night))


if __name__ == "__main__":
    main()
