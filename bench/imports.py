"""What an import of responses costs against plain COPY of the same file into an unlogged table.

The import is the command that people type, in a process of its own; its memory is that process's,
without the server's. Run alone it takes the size: ``python -m bench.imports --rows 5000000``. What
never lives here: assertions about time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from rich.console import Console
from rich.table import Table

from bench.marts import server
from bench.measure import table
from qbank.postgres import connect
from qbank.settings import Settings

ITEMS: Final = 200
_BLOCK: Final = 1_000_000
# what `qbank` runs, and then the peak of its memory
_COMMAND: Final = """
import pathlib, sys
from qbank.cli import main
try:
    main()
finally:
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            print("peak", int(line.split()[1]) * 1024)
"""


def run(*, quick: bool = False) -> Table:
    """Long rows and a matrix."""
    long = (100_000,) if quick else (1_000_000, 5_000_000)
    return measured(long, (2_000 if quick else 100_000, 300))


def measured(long: tuple[int, ...], matrix: tuple[int, int]) -> Table:
    """Imports files of these sizes, each into an empty exam.

    Args:
        long: rows of files with a row per answer.
        matrix: people and items of a file with a row per person.
    """
    made = table(
        "import of responses against COPY into an unlogged table",
        "file", "answers", "seconds", "answers/s", "client MB", "COPY s", "of COPY",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="qbank-bench-") as folder, server() as settings:
        for rows in long:
            path = Path(folder) / f"long-{rows}.csv"
            columns = _long(path, rows)
            _add(made, settings, path, f"{rows:,} long rows", rows, columns, ())
        people, items = matrix
        path = Path(folder) / "matrix.csv"
        columns = _matrix(path, people, items)
        shape = ("--shape", "wide", "--timestamp", "2024-06-01")
        _add(made, settings, path, f"matrix {people:,} × {items}", people * items, columns, shape)
    return made


def _add(
    made: Table,
    settings: Settings,
    path: Path,
    name: str,
    answers: int,
    columns: list[str],
    options: tuple[str, ...],
) -> None:
    options = options or ("--timestamp-col", "created_at")
    seconds, peak = _imported(settings, path, options)
    plain = _seconds(lambda: _copied(settings, path, columns))
    made.add_row(
        name, f"{answers:,}", f"{seconds:.1f}", f"{answers / seconds:,.0f}", f"{peak / 1e6:,.0f}",
        f"{plain:.1f}", f"{seconds / plain:.1f}",
    )  # fmt: skip
    path.unlink()


def _imported(settings: Settings, path: Path, options: tuple[str, ...]) -> tuple[float, int]:
    """Seconds and peak bytes of ``qbank import responses``."""
    words = ["import", "responses", str(path), "--exam", path.stem, "--create-exam", *options]
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, *words],
        env=os.environ | {"QBANK_HOME": str(settings.home)},
        capture_output=True,
        text=True,
        check=False,
        cwd=path.parent,
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"the import ended with {done.returncode}: {done.stderr[-500:]}")
    return seconds, int(done.stdout.split("peak ")[1])


def _copied(settings: Settings, path: Path, columns: list[str]) -> None:
    with connect(settings=settings) as connection:
        connection.execute("DROP TABLE IF EXISTS plain")
        typed = ", ".join(f'"{name}" text' for name in columns)
        connection.execute(f"CREATE UNLOGGED TABLE plain ({typed})".encode())
        copy = b"COPY plain FROM STDIN (FORMAT csv, HEADER)"
        with connection.cursor().copy(copy) as blocks, path.open("rb") as file:
            while block := file.read(1 << 20):
                blocks.write(block)


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _long(path: Path, rows: int) -> list[str]:
    """People who answer fifty items each, in the order of time."""
    rng = np.random.default_rng(1)
    columns = ["user_id", "question", "correct", "created_at"]
    schema = pa.schema([(name, pa.string()) for name in columns])
    with pa_csv.CSVWriter(
        path, schema, write_options=pa_csv.WriteOptions(quoting_style="none")
    ) as file:
        for first in range(0, rows, _BLOCK):
            number = np.arange(first, min(first + _BLOCK, rows))
            person, place = number // 50, number % 50
            moment = np.datetime64("2024-01-01T08:00:00") + (person % 90) * np.timedelta64(1, "D")
            moment = moment + place * np.timedelta64(60, "s")
            file.write_table(
                pa.table(
                    [
                        pa.array([f"p{k}" for k in person]),
                        pa.array([f"q{k}" for k in (person * 7 + place) % ITEMS]),
                        pa.array(rng.integers(0, 2, number.size).astype(str)),
                        pa.array(np.datetime_as_string(moment, unit="s")),
                    ],
                    schema=schema,
                )
            )
    return columns


def _matrix(path: Path, people: int, items: int) -> list[str]:
    rng = np.random.default_rng(2)
    columns = ["user_id", *(f"q{k}" for k in range(items))]
    with path.open("w") as file:
        file.write(",".join(columns) + "\n")
        for person in range(people):
            scores = ",".join(map(str, rng.integers(0, 2, items)))
            file.write(f"p{person},{scores}\n")
    return columns


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the long file")
    parser.add_argument("--people", type=int, default=10_000, help="rows of a matrix of 300 items")
    sizes = parser.parse_args()
    Console(width=140).print(measured((sizes.rows,), (sizes.people, 300)))
