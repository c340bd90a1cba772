"""What the calibration assets share: a row taken, faults told apart from results, findings shown.

What never lives here: what an asset computes.
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid5

import dagster as dg
import psycopg

from qbank.errors import DatabaseUnavailableError
from qbank.requests import Request
from qbank.stores import item_bank, runs
from qbank_orchestration.assets.config import RequestConfig
from qbank_orchestration.code_version import code_version
from qbank_orchestration.engine.finding import Finding
from qbank_orchestration.engine.working_rows import WorkingRows
from qbank_orchestration.resources import Database

CODE_VERSION = code_version()
POOL = "calibration"
OWNERS = ["team:psychometrics"]
# A database that restarts is back within seconds; the work is repeated from its beginning.
RETRIES, WAIT_S = 3, 5.0
ASKED_EVERY_S = 1.0
"""Whether a person terminated the run."""
# Rows that a Dagster run makes for itself have an id that follows from the run, so that a retried
# step finds the row of its first attempt.
_ROWS = UUID("6f0d35b8-5f0e-4c50-9a8c-8a1f0c6f8f59")
_AUTOMATIC_RETRY = "dagster/retry_number"

Context = dg.AssetExecutionContext | dg.OpExecutionContext


R = TypeVar("R", bound=Request)


@dataclass(frozen=True)
class Work(Generic[R]):
    """A row that was taken, and the request that it keeps, filled."""

    run: runs.Run
    request: R


def row_id(context: Context, kind: runs.Kind) -> UUID:
    """The id of the row that this Dagster run makes for a kind of work."""
    return uuid5(_ROWS, f"{context.run.run_id}/{kind}")


def lineage(context: Context) -> tuple[str, ...]:
    """This Dagster run and those that it re-executes, newest first."""
    run: Any = context.run
    ids = [run.run_id]
    while run is not None and run.parent_run_id is not None:
        ids.append(run.parent_run_id)
        run = context.instance.get_run_by_id(run.parent_run_id)
    return tuple(ids)


@contextmanager
def working(
    context: Context,
    database: Database,
    rows: WorkingRows,
    config: RequestConfig,
    request: type[R],
    exam_code: str,
    **about: Any,
) -> Iterator[Work[R]]:
    """Works on the row that asks for it, or on one of this run's own.

    The row keeps the request filled, as it is carried out. A database that is away repeats the
    step; anything else ends the row as failed.

    Args:
        context: of the step.
        database: connections to Postgres.
        rows: keeps the row alive.
        config: of the step.
        request: what kind of work it is.
        exam_code: the exam it is for.
        **about: what the request is about, beside the exam.

    Raises:
        ConflictError: another process works on the row, or it is over.
        NotFoundError: the exam or the row does not exist.
        RequestError: a parameter, or the exam's own value, is wrong.
    """
    run: runs.Run | None = None
    with retried():
        try:
            with database.connect() as conn:
                exam = item_bank.exam(conn, exam_code)
                asked = runs.get(conn, UUID(config.run_id)) if config.run_id else None
                if asked is None or (asked.status in runs.FINISHED and _repeated_by_hand(context)):
                    given = asked.params if asked else config.given(request)
                    asked = runs.create(
                        conn,
                        kind=request.kind,
                        exam_code=exam_code,
                        params=given | {name: str(value) for name, value in about.items()},
                        requested_by=asked.requested_by if asked else config.requested_by,
                        seed=asked.seed if asked else getattr(config, "seed", None),
                        run_id=row_id(context, request.kind),
                        orchestrator_run_id=context.run.run_id,
                    )
            run = rows.take(asked.id, context.run.run_id)
            filled = request.resolve(exam, run.params, **about)
            with database.connect() as conn:
                runs.fill(conn, run.id, filled.stored())
            yield Work(replace(run, params=run.params | filled.stored()), filled)
        except (psycopg.OperationalError, DatabaseUnavailableError):
            raise
        except dg.DagsterExecutionInterruptedError:
            # of a person; where the machine shuts down the run has failed, and the row with it
            if run is not None and is_canceled(context):
                rows.finish_canceled(run.id)
            raise
        except Exception as error:
            if run is not None:
                rows.fail(run.id, f"{type(error).__name__}: {error}")
            raise


def reporting(
    context: Context, rows: WorkingRows, run_id: UUID
) -> Callable[[dict[str, Any]], bool]:
    """What keeps each iteration on the row, and says whether to go on.

    It raises DagsterExecutionInterruptedError where a person terminated the run: the interrupt
    itself is lost when it comes while compiled code calls back, where Python can raise nothing.
    """
    asked_at = -math.inf

    def report(entry: dict[str, Any]) -> bool:
        nonlocal asked_at
        # a small fit has many iterations a second
        if time.monotonic() - asked_at >= ASKED_EVERY_S:
            asked_at = time.monotonic()
            if is_canceled(context):
                raise dg.DagsterExecutionInterruptedError
        return rows.report(run_id, entry)

    return report


def is_canceled(context: Context) -> bool:
    """Whether somebody terminated the run that the step is of."""
    run = context.instance.get_run_by_id(context.run.run_id)
    return run is not None and run.status is dg.DagsterRunStatus.CANCELING


@contextmanager
def retried() -> Iterator[None]:
    """Repeats the step where the database was away."""
    try:
        yield
    except (psycopg.OperationalError, DatabaseUnavailableError) as error:
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=WAIT_S) from error


def observe(context: dg.AssetExecutionContext, why: str, run_id: UUID, *assets: str) -> None:
    """Says on the pages of assets why this partition was not materialized."""
    for asset in assets:
        context.log_event(
            dg.AssetObservation(
                asset_key=asset,
                partition=context.partition_key,
                description=why,
                metadata={"not_materialized": why, "run": str(run_id)},
            )
        )


def findings_as_results(findings: Iterable[Finding], asset: str) -> list[dg.AssetCheckResult]:
    """One result a finding; what was not looked at says nothing."""
    return [
        dg.AssetCheckResult(
            asset_key=asset,
            check_name=finding.check,
            passed=finding.passed,
            severity=_severity(blocking=finding.blocking),
            description=finding.summary,
            metadata={k: v for k, v in finding.numbers.items() if v is not None},
        )
        for finding in findings
    ]


def proposes(
    *,
    partitions: dg.PartitionsDefinition[str],
    deps: Sequence[Any],
    checks: Mapping[str, tuple[bool, str]],
    kinds: set[str],
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset that proposes, and is materialized only where it had something to propose.

    Args:
        partitions: of the asset and of each of its checks.
        deps: what it reads.
        checks: name → (blocking, description); one result a partition that was looked at.
        kinds: what Dagit shows beside its name.
    """

    def decorate(function: Callable[..., Any]) -> dg.AssetsDefinition:
        name = function.__name__
        spec = dg.AssetSpec(
            name,
            deps=deps,
            description=inspect.getdoc(function),
            group_name="calibration",
            owners=OWNERS,
            kinds=kinds,
            code_version=CODE_VERSION,
            skippable=True,
        )
        check_specs = [
            dg.AssetCheckSpec(
                check,
                asset=name,
                blocking=blocking,
                description=description,
                partitions_def=partitions,
            )
            for check, (blocking, description) in checks.items()
        ]
        return dg.multi_asset(
            name=name,
            specs=[spec],
            check_specs=check_specs,
            # no backfill policy: a run a partition, named by its tag. multi_run(1) names a range of
            # one instead, which neither the queue's limits nor the checks see
            partitions_def=partitions,
            pool=POOL,
            # neither the asset nor a check has to come: nothing may have been proposed
            can_subset=True,
        )(function)

    return decorate


def publishes(
    *, partitions: dg.PartitionsDefinition[str], deps: Sequence[Any]
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset that delivery reads, materialized only where something came into force."""
    return dg.asset(
        partitions_def=partitions,
        deps=deps,
        group_name="bank",
        owners=OWNERS,
        kinds={"postgres"},
        code_version=CODE_VERSION,
        output_required=False,
    )


def _repeated_by_hand(context: Context) -> bool:
    """Whether somebody re-executes an earlier run; Dagster's own retries are no new request."""
    return context.run.parent_run_id is not None and _AUTOMATIC_RETRY not in context.run.tags


def _severity(*, blocking: bool) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN
