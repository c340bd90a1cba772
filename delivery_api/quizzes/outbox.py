"""An event for the outbox, written by the statement of the step that it tells of.

It is one more CTE of that statement, so both are there or neither is, and no round trip is added.
What never lives here: what an event says (``events``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """What a statement tells, where it does what it is for.

    Attributes:
        id: made of what happened.
        tenant_id: whose it is.
        type: its name.
        data: JSON of what is known before.
    """

    id: str
    tenant_id: str
    type: str
    data: str

    def values(self) -> dict[str, Any]:
        """Parameters of :func:`told`, but for the quiz."""
        return {
            "event": self.id,
            "tenant": self.tenant_id,
            "event_type": self.type,
            "told": self.data,
        }


def told(step: str, found: str = "") -> str:
    """A CTE that tells of each row of another one.

    Args:
        step: the CTE of the step, which has a row where it was done.
        found: columns of it that the event says too, as arguments of ``jsonb_build_object``.
    """
    more = f" || jsonb_build_object({found})" if found else ""
    return f"""told AS (
        INSERT INTO event_outbox (id, tenant_id, aggregatetype, aggregateid, type, payload)
        SELECT %(event)s::uuid, %(tenant)s, 'quiz', %(quiz)s, %(event_type)s,
            %(told)s::jsonb{more}
        FROM {step})"""  # noqa: S608
