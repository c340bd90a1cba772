"""Great Expectations suites as blocking checks of proposals, and of the mart they come from."""

from typing import Any

import dagster as dg

from qbank.stores import responses, runs
from qbank_orchestration.engine import expectations, publication
from qbank_orchestration.engine.expectations import Expected, SuiteResult
from qbank_orchestration.engine.finding import Finding
from qbank_orchestration.resources import Database

NAME = "expectations_met"


@dg.asset_check(
    asset="irt_calibration",
    name=NAME,
    blocking=True,
    description="Great Expectations suite on the proposed item parameters.",
)
def parameter_expectations(
    context: dg.AssetCheckExecutionContext, database: Database
) -> dg.AssetCheckResult:
    """Judges what this run proposed; a failure rejects the proposal."""
    return _judge(context, database, "irt", "parameters", expectations.PARAMETERS)


@dg.asset_check(
    asset="sympson_hetter_calibration",
    name=NAME,
    blocking=True,
    description="Great Expectations suite on the proposed exposure parameters.",
)
def exposure_expectations(
    context: dg.AssetCheckExecutionContext, database: Database
) -> dg.AssetCheckResult:
    """Judges what this run proposed; a failure rejects the proposal."""
    return _judge(context, database, "sympson_hetter", None, expectations.EXPOSURE)


@dg.asset_check(
    asset=["analytics", "fact_responses"],
    name=NAME,
    description="Great Expectations suite on the responses of the last days.",
)
def fact_expectations(database: Database) -> dg.AssetCheckResult:
    """Judges the rows that the last build wrote, at most a hundred thousand of them."""
    with database.connect() as conn:
        frame = responses.recent_facts(conn, limit=100_000)
    frame["correct"] = frame["is_correct"].astype(float)
    return _result(expectations.validate(frame, expectations.FACT_RESPONSES, "fact_responses"))


def _judge(
    context: dg.AssetCheckExecutionContext,
    database: Database,
    kind: runs.Kind,
    inside: str | None,
    suite: tuple[Expected, ...],
) -> dg.AssetCheckResult:
    import pandas as pd

    with database.connect() as conn:
        found = [r for r in runs.of_orchestrator(conn, context.run.run_id) if r.kind == kind]
        open_row = found[-1] if found and found[-1].status == "running" else None
        if open_row is None or not open_row.result:
            return dg.AssetCheckResult(passed=True, description="nothing was proposed")
        proposal: dict[str, Any] = open_row.result["proposal"]
        columns = proposal[inside] if inside else proposal
        rows = {name: values for name, values in columns.items() if isinstance(values, list)}
        result = expectations.validate(pd.DataFrame(rows), suite, kind)
        if not result.passed:
            publication.reject(conn, open_row.id, (_finding(result),))
    return _result(result)


def _finding(result: SuiteResult) -> Finding:
    numbers = {"rows": result.rows, "failed": list(result.failed)}
    return Finding(NAME, result.passed, True, "; ".join(result.failed), numbers)


def _result(result: SuiteResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=result.passed,
        description="; ".join(result.failed) or f"{result.evaluated} expectations hold",
        metadata={
            "rows": result.rows,
            "expectations": result.evaluated,
            "failed": list(result.failed),
        },
    )
