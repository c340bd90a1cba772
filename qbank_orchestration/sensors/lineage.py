"""Tells OpenLineage's receiver of the runs that ended; there where its variables name one.

What it could not be told waits for the next tick, and no run waits for it. What never lives here:
what is told (``lineage``).
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import dagster as dg

from qbank.alerts.redaction import reason
from qbank.errors import SettingsError
from qbank_orchestration.alerting.runs import is_ours
from qbank_orchestration.lineage.datasets import Naming
from qbank_orchestration.lineage.runs import OVER, events_of

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient

_AT_ONCE: Final = 200  # runs looked at in a tick
_TICK_S: Final = 30.0  # begun in this time: a tick has a minute
# a run's row may be seen later than one that was written after it, and machines' clocks differ
_OVERLAP_S: Final = 120.0


@dataclass
class Told:
    """How far it is.

    Attributes:
        until: of runs that were changed later, none was looked at.
        lately: runs that were looked at and that the next tick sees again: when they were changed.
    """

    until: float
    lately: dict[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, cursor: str | None) -> Told:
        """What the last tick left; the first one begins now, for a night may be far back."""
        return cls(**json.loads(cursor)) if cursor else cls(time.time())

    def note(self, record: dg.RunRecord) -> None:
        """One more was told, or is none of ours."""
        changed = record.update_timestamp.timestamp()
        self.until = max(self.until, changed)
        self.lately[record.dagster_run.run_id] = changed

    def dump(self) -> str:
        """For the next tick."""
        kept = {r: at for r, at in self.lately.items() if at >= self.until - _OVERLAP_S}
        return json.dumps(asdict(Told(self.until, kept)))


def is_on(environment: Mapping[str, str]) -> bool:
    """Whether the variables of OpenLineage's client name a receiver."""
    return any(environment.get(name) for name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG")) or any(
        name.startswith("OPENLINEAGE__TRANSPORT") for name in environment
    )


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells OpenLineage's receiver what came of what in the runs that ended.",
)
def lineage_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Looks for runs that ended, and tells of each that was not told of yet."""
    client = _client()
    assert context.repository_def is not None  # noqa: S101  (a sensor that ticks is in one)
    naming = Naming.of(
        os.environ.get("OPENLINEAGE_NAMESPACE", "qbank"), context.repository_def.asset_graph
    )
    told, count, began = Told.load(context.cursor), 0, time.monotonic()
    origin = context.code_location_origin
    location = origin.location_name if origin else "qbank"
    try:
        for record in _ended(context.instance, told):
            if time.monotonic() - began > _TICK_S:
                break
            if is_ours(record.dagster_run, location):
                for event in events_of(context.instance, record, naming):
                    client.emit(event)
                count += 1
            told.note(record)
    except Exception as error:
        # whatever it is: its library has errors of its own for every way
        said = reason(error)
        context.log.error("OpenLineage's receiver was not told, the next tick tries: %s", said)
        return dg.SkipReason(f"{count} runs told, then: {said}")
    finally:
        client.close(timeout=5.0)
        context.update_cursor(told.dump())
    return dg.SkipReason(f"{count} runs told")


def _ended(instance: dg.DagsterInstance, told: Told) -> Iterator[dg.RunRecord]:
    records = instance.get_run_records(
        dg.RunsFilter(
            statuses=list(OVER),
            updated_after=datetime.fromtimestamp(told.until - _OVERLAP_S, UTC),
        ),
        # those that are seen again take no place from new ones
        limit=_AT_ONCE + len(told.lately),
        order_by="update_timestamp",
        ascending=True,
    )
    return (record for record in records if record.dagster_run.run_id not in told.lately)


def _client() -> OpenLineageClient:
    try:
        from openlineage.client import OpenLineageClient
    except ModuleNotFoundError as error:
        raise SettingsError("OPENLINEAGE_URL needs pip install 'qbank[lineage]'") from error
    logging.getLogger("openlineage").setLevel(logging.WARNING)
    return OpenLineageClient()


SENSORS: Final = (lineage_sensor,) if is_on(os.environ) else ()
