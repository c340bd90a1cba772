"""Where a dbt build spent its time, from the events in its log.

What never lives here: what a build costs as a whole (``marts``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

_COSTLIEST = 6
_COMPARISON = "_equals_a_full_build"
_RESULTS = ("LogModelResult", "LogTestResult")  # names of dbt's events


@dataclass(frozen=True)
class Nodes:
    """Seconds in models and tests; they run side by side, so the sum may exceed the wall clock.

    Attributes:
        models, tests: seconds of all models, of all data tests.
        comparison: of the tests, those that compare with a full computation.
        costliest: name and seconds of the nodes that took longest.
    """

    models: float
    tests: float
    comparison: float
    costliest: tuple[tuple[str, float], ...]


def read(log: Path) -> Nodes:
    """The nodes of the build whose log, in JSON, is in the folder `log`."""
    events = (json.loads(line) for line in (log / "dbt.log").read_text().splitlines())
    seconds = {
        event["data"]["node_info"]["unique_id"]: float(event["data"]["execution_time"])
        for event in events
        if event["info"]["name"] in _RESULTS
    }
    costliest = sorted(seconds.items(), key=lambda node: -node[1])[:_COSTLIEST]
    return Nodes(
        models=sum(taken for node, taken in seconds.items() if node.startswith("model.")),
        tests=sum(taken for node, taken in seconds.items() if node.startswith("test.")),
        comparison=sum(taken for node, taken in seconds.items() if _COMPARISON in node),
        costliest=tuple((node.split(".")[2], taken) for node, taken in costliest),
    )
