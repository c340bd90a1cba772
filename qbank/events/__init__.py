"""What happens, as programs that read along are told: the types, and the contract made of them.

``make generate`` writes the JSON Schemas and the AsyncAPI document of ``events/`` from here. What
never lives here: writing events (the statements of the steps), and delivering them.
"""

from qbank.events.identity import event_id
from qbank.events.models import (
    EVENTS,
    Client,
    Fact,
)
from qbank.events.students import for_students

__all__ = [
    "EVENTS",
    "Client",
    "Fact",
    "event_id",
    "for_students",
]
