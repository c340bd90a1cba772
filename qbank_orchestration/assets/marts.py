"""The dbt models in two parts: what calibration reads, and what reads calibration's results."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

from qbank import postgres
from qbank_orchestration.dbt import Translator, artifacts, database_environment
from qbank_orchestration.engine import expectations
from qbank_orchestration.metadata.marts import Described
from qbank_orchestration.tags import WEEKLY

INPUT, RESULTS = "nightly_input", "results"  # dbt tags
POOL = "dbt"  # one dbt at a time: two builds of one schema would meet each other
# unit tests judge the code, not tonight's data: they run in CI. Dagster reads what dbt says as it
# runs, so dbt need not write the project, its results and a log of its debugging to files as well
BUILD = (
    *("build", "--no-write-json", "--log-level-file", "info"),
    *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure"),
)
# tests of a night look at what its builds wrote, those of the weekly audit at every row
NIGHTLY = ("--exclude", "tag:whole_table")
AUDIT = ("--vars", "{test_window_days: 36500}")


def build(project: DbtProject) -> tuple[dg.AssetsDefinition, dg.AssetsDefinition]:
    """The two parts, from a manifest that exists."""
    translator = Translator()
    common: dict[str, Any] = {
        "manifest": project.manifest_path,
        "project": project,
        "dagster_dbt_translator": translator,
        "pool": POOL,
    }

    @dbt_assets(select=f"tag:{INPUT}", name="mart_inputs", **common)
    def mart_inputs(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, presence: dg.ResourceParam[object]
    ) -> Iterator[Any]:
        yield from _build(context, dbt)

    @dbt_assets(select=f"tag:{RESULTS}", name="mart_results", **common)
    def mart_results(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, presence: dg.ResourceParam[object]
    ) -> Iterator[Any]:
        expectations.import_meanwhile()  # its checks follow, and dbt is waited for
        yield from _build(context, dbt)

    return mart_inputs, mart_results


def _build(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    weekly = WEEKLY in context.run.tags
    arguments = [*BUILD, *(AUDIT if weekly else NIGHTLY)]
    with (
        artifacts(context.run.run_id, keep_parsed=not weekly) as target,
        database_environment(),
        postgres.connect("orchestration", autocommit=True) as conn,
    ):
        invocation = dbt.cli(arguments, context=context, target_path=target)
        kept = target.parent / "column_lineage.json"
        yield from Described(invocation, conn, exactly=weekly, kept=kept).events()
