"""An event as the outbox has it, and the CloudEvent that leaves the house.

What never lives here: what the data of an event holds (``events/``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from qbank.events.models import SOURCE
from qbank.telemetry import TRACEPARENT


@dataclass(frozen=True)
class Event:
    """A row of the outbox.

    Attributes:
        position: its place; within an aggregate, a later event has a higher one.
        id: made of what happened: what is sent twice has the same one twice.
        tenant_id: whose it is.
        aggregatetype: ``quiz``, ``item`` or ``exam``.
        aggregateid: which of them; order is kept within it.
        type: what happened.
        occurred_at: when.
        payload: what is said of it, JSON as Postgres wrote it.
        traceparent: the span of the request that it came of (W3C's trace context), if any.
        sent_by: the span that sends it, if any.
    """

    position: int
    id: str
    tenant_id: str
    aggregatetype: str
    aggregateid: str
    type: str
    occurred_at: datetime
    payload: str
    traceparent: str | None = None
    sent_by: str | None = None

    @property
    def key(self) -> tuple[int, str]:
        """What tells it from every other row, also of a database that was restored."""
        return self.position, self.id

    @property
    def aggregate(self) -> tuple[str, str]:
        """What order is kept within."""
        return self.aggregatetype, self.aggregateid

    @property
    def trace_headers(self) -> dict[str, str]:
        """What a message says beside the event, so that who takes it goes on with the trace."""
        hop = self.sent_by or self.traceparent
        return {TRACEPARENT: hop} if hop else {}

    def document(self) -> str:
        """The CloudEvent 1.0 in structured mode, the same for every sink.

        ``data`` is spliced in as Postgres wrote it: read and written again, a long number would
        lose digits.
        """
        envelope = json.dumps(
            {
                "specversion": "1.0",
                "id": self.id,
                "source": f"{SOURCE}{self.tenant_id}",
                "type": self.type,
                "subject": f"{self.aggregatetype}/{self.aggregateid}",
                "time": self.occurred_at.astimezone(UTC).isoformat(timespec="microseconds"),
                "datacontenttype": "application/json",
            }
            | ({TRACEPARENT: self.traceparent} if self.traceparent else {}),
            ensure_ascii=False,
        )
        return f'{envelope[:-1]}, "data": {self.payload}}}'
