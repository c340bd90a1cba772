"""Events in the outbox, and a sink that keeps what it is sent."""

from __future__ import annotations

import json
import uuid

from psycopg import Connection

from qbank.relay import Delivery, Event, Refused

_INSERT = """INSERT INTO event_outbox (id, tenant_id, aggregatetype, aggregateid, type, payload)
    VALUES (%s, 'default', 'quiz', %s, 'answer_submitted', %s)"""


def write(conn: Connection, quiz: str, *numbers: int, text: str = "") -> None:
    """Writes events of a quiz, in the caller's transaction; the same again has the same ids."""
    for number in numbers:
        payload = json.dumps({"quiz_id": quiz, "position": number, "text": text})
        conn.execute(_INSERT, (uuid.uuid5(uuid.NAMESPACE_OID, f"{quiz}/{number}"), quiz, payload))


def step(event: Event | str | bytes) -> tuple[str, int]:
    """Quiz and number of an event, or of the document of one."""
    document = event.document() if isinstance(event, Event) else event
    data = json.loads(document)["data"]
    return data["quiz_id"], data["position"]


class Memory:
    """Takes what it is not told to refuse or to leave."""

    name = "memory"

    def __init__(self) -> None:
        self.taken: list[tuple[str, int]] = []
        self.refuses: set[tuple[str, int]] = set()
        self.at_once: int | None = None  # events of a delivery that there is time for
        self.away = 0  # so many deliveries take nothing but their first event

    def deliver(self, batch):
        if self.away:
            self.away -= 1
            self.taken.append(step(batch[0]))
            return Delivery(tuple(batch[1:]), reason="gone fishing") if batch[1:] else Delivery()
        now, later = batch[: self.at_once], batch[len(batch[: self.at_once]) :]
        refused = tuple(Refused(e, "not this one") for e in now if step(e) in self.refuses)
        self.taken += [step(e) for e in now if step(e) not in self.refuses]
        return Delivery(tuple(later), refused)

    def close(self) -> None:
        pass
