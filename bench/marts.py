"""What a night of the marts costs against a full refresh, on millions of responses.

Run alone it takes the size: ``python -m bench.marts --rows 10000000 --night 100000``. It starts a
Postgres of its own in a temporary folder and removes it. What never lives here: the rows
(``marts_rows``), assertions about time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from bench import marts_nodes, marts_rows
from bench.measure import Cost, core_seconds_of, postmaster
from qbank import migrations
from qbank.postgres import connect, embedded, libpq_environment
from qbank.programs import program
from qbank.settings import Settings, get_settings
from qbank_orchestration import dbt_program
from qbank_orchestration.assets.marts import AUDIT, BUILD, NIGHTLY

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Build:
    """One dbt build: what it cost, and where the time went.

    Attributes:
        cost: dbt and the server together.
        server: core seconds of the server alone.
    """

    cost: Cost
    server: float
    nodes: marts_nodes.Nodes


@dataclass
class Figures:
    """What one run measured.

    Attributes:
        rows, night: responses loaded before, and in the night.
        build: by name of the build.
        sizes: bytes by relation, with indexes.
        late_row: the late response is in the mart, as the student's first attempt.
        mart_rows, source_rows: responses in the fact and in the source, after the night.
    """

    rows: int
    night: int
    build: dict[str, Build] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    late_row: bool = False
    mart_rows: int = 0
    source_rows: int = 0


def measure(rows: int, night: int, say: Console) -> Figures:
    """Loads, builds in full, adds a night, builds again, with nothing new, and as once a week."""
    figures = Figures(rows, night)

    def build(name: str, *options: str, tests: tuple[str, ...] = NIGHTLY) -> None:
        """Says each cost as it comes: an hour's run that ends early has not been for nothing."""
        built = figures.build[name] = _build(settings, *options, tests=tests)
        say.print(f"{name}: {built.cost.seconds:.1f} s, {built.cost.core_seconds:.1f} core s")

    with server() as settings:
        owner = connect(settings=settings, autocommit=True)
        say.print(f"loading {rows:,} responses")
        marts_rows.load_history(owner, rows)
        build("full refresh", "--full-refresh")
        # what autovacuum does by itself in the day between
        owner.execute("VACUUM ANALYZE")
        marts_rows.load_night(owner, night)
        say.print("night")
        build("night")
        build("nothing new")
        build("weekly audit", tests=AUDIT)
        figures.sizes = _sizes(owner)
        figures.late_row = _late_row_is_first_attempt(owner)
        figures.mart_rows = _count(owner, "SELECT count(*) FROM analytics.fact_responses")
        figures.source_rows = _count(owner, "SELECT count(*) FROM user_responses")
        owner.close()
    return figures


def table(figures: Figures) -> Table:
    """The figures against the full refresh as the baseline."""
    result = Table(title=f"marts: {figures.rows:,} responses, a night of {figures.night:,}")
    for column in ("build", "wall s", "of full", "core s", "of full"):
        result.add_column(column, justify="left" if column == "build" else "right")
    full = figures.build["full refresh"]
    for name, build in figures.build.items():
        cost, nodes = build.cost, build.nodes
        result.add_row(
            f"dbt build, {name}",
            f"{cost.seconds:.1f}",
            f"{cost.seconds / full.cost.seconds:.1%}",
            f"{cost.core_seconds:.1f}",
            f"{cost.core_seconds / full.cost.core_seconds:.1%}",
        )
        for kind, seconds, of_full in (
            ("models", nodes.models, full.nodes.models),
            ("tests", nodes.tests, full.nodes.tests),
        ):
            result.add_row(f"  its {kind}", f"{seconds:.1f}", f"{seconds / of_full:.1%}")
        if nodes.comparison:
            whole = full.nodes.models + full.nodes.tests
            share = nodes.comparison / whole
            result.add_row("  standing comparison", f"{nodes.comparison:.1f}", f"{share:.1%}")
        share = build.server / full.server
        result.add_row("  the server alone", "", "", f"{build.server:.1f}", f"{share:.1%}")
    result.add_section()
    for node, seconds in figures.build["night"].nodes.costliest:
        result.add_row(f"night: {node}", f"{seconds:.1f}")
    result.add_section()
    for name, size in figures.sizes.items():
        result.add_row(f"size of {name}", f"{size / 2**20:,.0f} MB")
    result.add_section()
    caught = "caught, later attempts renumbered" if figures.late_row else "MISSED"
    result.add_row(f"row two days late: {caught}")
    result.add_row(f"fact rows {figures.mart_rows:,}, responses {figures.source_rows:,}")
    return result


def run(*, quick: bool = False) -> Table:
    """The benchmark as `python -m bench` runs it; the size of the claim takes minutes."""
    rows, night = (200_000, 2_000) if quick else (10_000_000, 100_000)
    return table(measure(rows, night, Console(stderr=True)))


@contextmanager
def server() -> Iterator[Settings]:
    """A migrated server of the benchmark's own, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="qbank-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # the user that runs the server for root passes through
        settings = get_settings().model_copy(
            update={"home": Path(folder), "database_url": None, "postgres_port": None}
        )
        try:
            migrations.migrate(settings)
            yield settings
        finally:
            embedded.drop(settings, force=True)


def _build(settings: Settings, *options: str, tests: tuple[str, ...] = NIGHTLY) -> Build:
    """`dbt build` as the night runs it: all models, and the data tests of a night or a week."""
    work = settings.home / "dbt"
    work.mkdir(exist_ok=True)
    log = tempfile.mkdtemp(dir=work)
    command = [program(dbt_program.NAME), "--quiet", *BUILD, *tests, *options]
    command += ["--project-dir", "dbt_qbank", "--profiles-dir", "dbt_qbank"]
    command += ["--target-path", str(work), "--log-path", log, "--log-format-file", "json"]
    environment = os.environ | libpq_environment("orchestration", settings)
    began, spent = time.perf_counter(), _core_seconds(settings)
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    whole, server = (now - then for now, then in zip(_core_seconds(settings), spent, strict=True))
    if done.returncode:
        raise RuntimeError(f"dbt build failed:\n{done.stdout}\n{done.stderr}")
    return Build(Cost(seconds, whole), server, marts_nodes.read(Path(log)))


def _core_seconds(settings: Settings) -> tuple[float, float]:
    """Of the server with this process and the dbt that it runs, and of the server alone."""
    server = postmaster(settings)
    return core_seconds_of(os.getpid(), server), core_seconds_of(server)


def _sizes(owner: psycopg.Connection[Any]) -> dict[str, int]:
    rows = owner.execute(
        """SELECT n.nspname || '.' || c.relname, pg_total_relation_size(c.oid)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND n.nspname IN ('public', 'analytics', 'analytics_staging')
            AND pg_total_relation_size(c.oid) > 2 ^ 20
        ORDER BY 2 DESC LIMIT 12"""
    ).fetchall()
    return {name: int(size) for name, size in rows}


def _late_row_is_first_attempt(owner: psycopg.Connection[Any]) -> bool:
    query = """SELECT coalesce(bool_and(later.attempt_number > late.attempt_number), false)
        FROM analytics.fact_responses AS late
        JOIN analytics.fact_responses AS later USING (tenant_id, user_id, question_id)
        WHERE late.quiz_id = %s AND later.answered_at > late.answered_at"""
    row = owner.execute(query, (marts_rows.LATE_QUIZ,)).fetchone()
    return bool(row and row[0])


def _count(owner: psycopg.Connection[Any], query: str) -> int:
    row = owner.execute(query).fetchone()
    return int(row[0]) if row else 0


def main() -> None:
    """Prints the table for the size asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="responses before the night")
    parser.add_argument("--night", type=int, default=100_000, help="responses of the night")
    arguments = parser.parse_args()
    console = Console()
    console.print(table(measure(arguments.rows, arguments.night, console)))


if __name__ == "__main__":
    main()
