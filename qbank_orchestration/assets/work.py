"""What the calibration assets share: a row taken, faults told apart from results, findings shown.

What never lives here: what an asset computes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from uuid import UUID, uuid5

import dagster as dg
import psycopg

from qbank.errors import DatabaseUnavailableError
from qbank.stores import runs
from qbank_orchestration.engine.finding import Finding
from qbank_orchestration.engine.working_rows import WorkingRows
from qbank_orchestration.resources import Database

CODE_VERSION = version("qbank")
POOL = "calibration"
OWNERS = ["team:psychometrics"]
# A database that restarts is back within seconds; the work is repeated from its beginning.
RETRIES, WAIT_S = 3, 5.0
# Rows that a Dagster run makes for itself have an id that follows from the run, so that a retried
# step finds the row of its first attempt.
_ROWS = UUID("6f0d35b8-5f0e-4c50-9a8c-8a1f0c6f8f59")


def row_id(context: dg.AssetExecutionContext | dg.OpExecutionContext, kind: runs.Kind) -> UUID:
    """The id of the row that this Dagster run makes for a kind of work."""
    return uuid5(_ROWS, f"{context.run.run_id}/{kind}")


@contextmanager
def faults(rows: WorkingRows, run_id: UUID) -> Iterator[None]:
    """Repeats the step where the database was away; ends the row as failed for anything else."""
    try:
        yield
    except (psycopg.OperationalError, DatabaseUnavailableError) as error:
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=WAIT_S) from error
    except Exception as error:
        rows.fail(run_id, f"{type(error).__name__}: {error}")
        raise


def findings_as_results(
    findings: Iterable[Finding], asset: str, names: Sequence[str], reason: str
) -> list[dg.AssetCheckResult]:
    """One result a declared check; where nothing was proposed, there was nothing to find."""
    found = {finding.check: finding for finding in findings}
    return [
        dg.AssetCheckResult(
            asset_key=asset,
            check_name=name,
            passed=found[name].passed,
            severity=_severity(found[name].blocking),
            description=found[name].summary,
            metadata={k: v for k, v in found[name].numbers.items() if v is not None},
        )
        if name in found
        else dg.AssetCheckResult(
            asset_key=asset, check_name=name, passed=True, description=f"nothing to check: {reason}"
        )
        for name in names
    ]


def specs(asset: str, checks: dict[str, tuple[bool, str]]) -> list[dg.AssetCheckSpec]:
    """Check specifications from name → (blocking, description)."""
    return [
        dg.AssetCheckSpec(name, asset=asset, blocking=blocking, description=description)
        for name, (blocking, description) in checks.items()
    ]


def own_row(
    context: dg.AssetExecutionContext, database: Database, kind: runs.Kind
) -> runs.Run | None:
    """The latest row of a kind that this Dagster run works or worked on."""
    with database.connect() as conn:
        found = [r for r in runs.of_orchestrator(conn, context.run.run_id) if r.kind == kind]
    return found[-1] if found else None


def _severity(blocking: bool) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN
