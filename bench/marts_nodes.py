"""Where a dbt build spent its time, from the results file that dbt leaves.

What never lives here: what a build costs as a whole (``marts``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

_COSTLIEST = 6


@dataclass(frozen=True)
class Nodes:
    """Seconds in models and tests; they run side by side, so the sum may exceed the wall clock.

    Attributes:
        models, tests: seconds of all models, of all data tests.
        costliest: name and seconds of the nodes that took longest.
    """

    models: float
    tests: float
    costliest: tuple[tuple[str, float], ...]


def read(target: Path) -> Nodes:
    """The nodes of the last build whose artifacts are in `target`."""
    results = json.loads((target / "run_results.json").read_text())["results"]
    seconds = {result["unique_id"]: float(result["execution_time"]) for result in results}
    costliest = sorted(seconds.items(), key=lambda node: -node[1])[:_COSTLIEST]
    return Nodes(
        models=sum(taken for node, taken in seconds.items() if node.startswith("model.")),
        tests=sum(taken for node, taken in seconds.items() if node.startswith("test.")),
        costliest=tuple((node.split(".")[2], taken) for node, taken in costliest),
    )
