"""What leaves the house: events of the outbox as the relay sends them, held to the contract."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from psycopg import Connection

from qbank.events import EVENTS
from qbank.project_files import project_file
from qbank.relay import outbox


def sent(conn: Connection[Any], aggregate: str | None = None) -> list[dict[str, Any]]:
    """Events in order, of a quiz, item or exam or of all; each is what its schema says."""
    rows = conn.execute(
        "SELECT position FROM event_outbox WHERE %s::text IS NULL OR aggregateid = %s",
        (aggregate, aggregate),
    ).fetchall()
    found = [json.loads(event.document()) for event in outbox.at(conn, [row[0] for row in rows])]
    for event in found:
        held_to_the_contract(event)
    assert len({event["id"] for event in found}) == len(found)
    return found


def held_to_the_contract(event: dict[str, Any]) -> None:
    """Holds an event to its schema, and its data, strictly, to its model.

    Raises:
        jsonschema.ValidationError, pydantic.ValidationError: it is another one.
    """
    _validator(event["type"]).validate(event)
    model = EVENTS[event["type"]]
    model.model_validate_json(json.dumps(event["data"]))
    assert event["subject"].partition("/")[0] == model.aggregate


@cache
def _validator(kind: str) -> Draft202012Validator:
    schema = json.loads((project_file("events") / f"v1/{kind}.json").read_text())
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
