"""A run that is over, as OpenLineage's events: the run itself, and each asset that it made.

An asset is a job of its own, whose run names the run that it is part of: what one job with all
assets would say is that each comes of all. What never lives here: sending them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

import dagster as dg

from qbank_orchestration.alerting.runs import first_error
from qbank_orchestration.lineage.datasets import Naming

if TYPE_CHECKING:
    from openlineage.client.event_v2 import Job, Run, RunEvent

PRODUCER: Final = "urn:qbank"
_ENDS: Final = {
    dg.DagsterRunStatus.SUCCESS: "COMPLETE",
    dg.DagsterRunStatus.FAILURE: "FAIL",
    dg.DagsterRunStatus.CANCELED: "ABORT",
}
OVER: Final = tuple(_ENDS)


def events_of(
    instance: dg.DagsterInstance, record: dg.RunRecord, naming: Naming
) -> Iterator[RunEvent]:
    """What is told of a run: its beginning, its assets in their order, its end.

    Args:
        instance: what keeps the run.
        record: of a run that is over.
        naming: how its assets are called.
    """
    from openlineage.client.event_v2 import Job, Run, set_producer

    set_producer(PRODUCER)  # of facets
    run = record.dagster_run
    ended = _moment(record.end_time or record.update_timestamp.timestamp())
    began = _moment(record.start_time) if record.start_time else ended
    # runs that no job of ours began have a name that Dagster makes up
    name = "assets" if run.job_name.startswith("__") else run.job_name
    job = Job(naming.namespace, name)
    yield _event("START", began, Run(run.run_id), job)
    for stored in _materializations(instance, run.run_id):
        yield from _made(stored, run.run_id, job, began, naming)
    end = _ENDS[run.status]
    yield _event(end, ended, Run(run.run_id, facets=_why(instance, run)), job)


def _made(
    stored: dg.EventLogRecord, run_id: str, job: Job, began: str, naming: Naming
) -> Iterator[RunEvent]:
    from openlineage.client.event_v2 import Job, Run
    from openlineage.client.generated import parent_run

    found = stored.asset_materialization
    assert found is not None  # noqa: S101  (of that type alone are read)
    key = found.asset_key
    part = f"{key.to_user_string()}|{found.partition or ''}"
    parent = parent_run.ParentRunFacet(
        run=parent_run.Run(runId=run_id),
        job=parent_run.Job(namespace=job.namespace, name=job.name),
    )
    # made of what happened: what is told twice is the same run
    own = Run(str(uuid5(UUID(run_id), part)), facets={"parent": parent})
    of = Job(job.namespace, f"{job.name}.{key.to_user_string()}")
    yield _event("START", began, own, of)
    yield _event(
        "COMPLETE",
        _moment(stored.timestamp),
        own,
        of,
        inputs=[naming.read(parent_key) for parent_key in naming.parents(key)],
        outputs=[naming.made(key, dict(found.metadata))],
    )


def _why(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, Any]:
    from openlineage.client.generated.error_message_run import ErrorMessageRunFacet

    if run.status != dg.DagsterRunStatus.FAILURE:
        return {}
    message = first_error(instance, run.run_id) or "it failed"
    return {"errorMessage": ErrorMessageRunFacet(message, "python")}


def _event(kind: str, moment: str, run: Run, job: Job, **datasets: Any) -> RunEvent:
    from openlineage.client.event_v2 import RunEvent, RunState

    return RunEvent(
        eventTime=moment,
        eventType=RunState[kind],
        run=run,
        job=job,
        producer=PRODUCER,
        **datasets,
    )


def _materializations(instance: dg.DagsterInstance, run_id: str) -> Iterator[dg.EventLogRecord]:
    cursor, more = None, True
    while more:
        page = instance.get_records_for_run(
            run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION, cursor=cursor, limit=500
        )
        yield from page.records
        cursor, more = page.cursor, page.has_more


def _moment(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat()
