"""The platform's names in Dagster, as people, alerts and dashboards know them.

What is added or renamed on purpose goes into the list beside this file:
``python -m tests.orchestration.test_definitions`` writes it anew.
"""

from __future__ import annotations

from pathlib import Path

from dagster import Definitions

from qbank_orchestration.definitions import defs

LIST = Path(__file__).with_name("definitions.txt")


def _names(defs: Definitions) -> list[str]:
    """A line for each asset, check, job, schedule and sensor."""
    repository = defs.get_repository_def()
    graph = repository.asset_graph
    lines = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        kind = "asset" if node.is_materializable else "source"
        partitions = f", {type(node.partitions_def).__name__}" if node.partitions_def else ""
        lines.append(f"{kind} {key.to_user_string()} ({node.group_name}{partitions})")
    for key in sorted(graph.asset_check_keys):
        blocks = " blocks" if graph.get_check_spec(key).blocking else ""
        lines.append(f"check {key.asset_key.to_user_string()}: {key.name}{blocks}")
    lines += sorted(f"job {job.name}" for job in repository.get_all_jobs())
    lines += sorted(f"schedule {s.name} runs {s.job_name}" for s in repository.schedule_defs)
    lines += sorted(f"sensor {sensor.name}" for sensor in repository.sensor_defs)
    return lines


def test_nothing_has_appeared_gone_or_changed_its_name() -> None:
    assert _names(defs) == LIST.read_text().splitlines()


if __name__ == "__main__":
    LIST.write_text("\n".join(_names(defs)) + "\n")
