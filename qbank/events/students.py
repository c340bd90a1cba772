"""What students may see of events: nothing of right and wrong, nor of what is tried out.

What never lives here: what the API tells them (``delivery_api``), which asks what may be told now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qbank.events.models import EVENTS, for_staff


def for_students(event: Mapping[str, Any]) -> dict[str, Any]:
    """A quiz event's CloudEvent without the data that is for staff.

    Args:
        event: as it left the relay.

    Raises:
        ValueError: the type is no quiz's, so all of it is for staff.
    """
    kind = str(event["type"])
    model = EVENTS.get(kind)
    if model is None or model.aggregate != "quiz":
        raise ValueError(f"event type {kind!r} is for staff: show students a quiz's events alone")
    staff = for_staff(model)
    shown = set(model.model_fields) - staff
    data = {name: value for name, value in event["data"].items() if name in shown}
    return {**event, "data": data}
