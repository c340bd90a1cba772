"""Runs the benchmarks, prints their tables, and writes the same as JSON beside them.

A benchmark is a module of this package with ``run(*, quick: bool) -> Table`` (or a list of them);
adding one is adding its name to ``BENCHMARKS``. What never lives here: measurements.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numba
import numpy as np
from rich.console import Console
from rich.table import Table

from calibration.threads import core_count

BENCHMARKS = {
    "simulate": "adaptive tests: qbank, mirt, catsim, a plain Python loop",
    "sh": "Sympson-Hetter: qbank, a plain Python loop",
    "rules": "selection rules and exposure control on three pools",
    "fit": "estimation: qbank, theta-irt, mirt, girth",
    "pretest": "new items that sittings try out: who is given which",
    "leaks": "planted leaks: how soon they are found, who is accused beside them",
    "score": "scoring: EAP, maximum likelihood, weighted likelihood",
    "fairness": "DIF with planted truth, and fairness and fit of 20,000 items",
    "delivery": "the delivery API under load",
    "publications": "the delivery API while items are published",
    "imports": "imports of responses, plain COPY",
    "events": "events from the outbox to Kafka, undisturbed and with everything killed",
    "marts": "the nightly marts, incremental and full",
    "nights": "nights of 50 and 500 small exams",
    "marts_strategies": "ways to keep a mart up",
}
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Parses the command line and runs what it names."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", help=f"comma-separated names out of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, about a minute each")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(BENCHMARKS)
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}: choose from {', '.join(BENCHMARKS)}")
    console = Console(width=None if Console().is_terminal else 160)
    machine = _machine()
    console.print(f"{machine['cpu']}, {machine['cores']} cores; seconds are wall clock, medians")
    record: dict[str, Any] = {"machine": machine, "quick": options.quick, "benchmarks": {}}
    for name in names:
        began = time.perf_counter()
        found = importlib.import_module(f"bench.{name}").run(quick=options.quick)
        tables = found if isinstance(found, list) else [found]
        for table in tables:
            console.print(table)
        record["benchmarks"][name] = {
            "seconds": time.perf_counter() - began,
            "tables": [_plain(table) for table in tables],
        }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    console.print(f"written to {path}")


def _machine() -> dict[str, Any]:
    model = platform.processor() or platform.machine()
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        lines = (line.split(":", 1) for line in listing.read_text().splitlines() if ":" in line)
        model = next((value.strip() for key, value in lines if key.startswith("model name")), model)
    return {
        "cpu": model,
        "cores": core_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
    }


def _plain(table: Table) -> dict[str, Any]:
    columns = [str(column.header) for column in table.columns]
    cells = [list(column.cells) for column in table.columns]
    rows = [dict(zip(columns, map(str, row), strict=True)) for row in zip(*cells, strict=True)]
    return {"title": str(table.title), "rows": rows}


if __name__ == "__main__":
    main()
