"""Writes ``events/``: a JSON Schema of each event and an AsyncAPI document, from the models.

``python -m qbank.events.contract`` writes, and refuses what would break whoever reads along. What
never lives here: the models.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from qbank.events.compatibility import breaks
from qbank.events.models import CONTENT_TYPE, EVENTS, SOURCE, Aggregate, Fact
from qbank.project_files import project_file
from qbank.telemetry import TRACEPARENT

VERSION: Final = 1
"""Another one has a folder of its own; the one before goes on as long as somebody reads it."""
MINOR: Final = 1
"""Raised where something comes that may be left out: 1 is `traceparent`."""
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TOPICS: Final[dict[Aggregate, str]] = {
    "quiz": "Steps of quizzes, in order within a quiz. For staff: answers say what was right.",
    "item": "What is published, retired and how often it is exposed, in order within an item.",
    "exam": "Calibrations, in order within an exam, and alarms of the whole installation.",
}


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a CloudEvent of a type, as it is sent."""
    model = EVENTS[kind]
    data = _open(model.model_json_schema(mode="serialization"))
    definitions = data.pop("$defs", {})
    text = {"type": "string", "minLength": 1}
    attributes = {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid", "description": _ID},
        "source": {
            "type": "string",
            "pattern": f"^{SOURCE}",
            "description": f"{SOURCE} and tenant",
        },
        "type": {"const": kind},
        "subject": text | {"description": f"{model.aggregate}/ and its id"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "data": data,
    }
    optional = {
        TRACEPARENT: {
            "type": "string",
            "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            "description": "the request that it came of, where that was traced (CloudEvents'"
            " extension Distributed Tracing)",
        }
    }
    return {
        "$schema": _DIALECT,
        "$id": f"urn:qbank:events:v{VERSION}:{kind}",
        "title": kind,
        "description": (model.__doc__ or "").strip(),
        "type": "object",
        "properties": attributes | optional,
        "required": list(attributes),
        **({"$defs": definitions} if definitions else {}),
    }


_ID: Final = "made of what happened: whoever drops an id that is known has each event once"


def _open(given: Any) -> Any:
    """Readers take fields that are added later."""
    if isinstance(given, dict):
        return {k: _open(v) for k, v in given.items() if k != "additionalProperties"}
    return [_open(v) for v in given] if isinstance(given, list) else given


def document() -> dict[str, Any]:
    """The AsyncAPI document: which topic has which events."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "qbank events",
            "version": f"{VERSION}.{MINOR}.0",
            "description": "CloudEvents 1.0 in structured mode. All topics are for staff and for"
            " programs: what students may see of a quiz, `qbank.events.for_students` leaves.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            topic: {
                "address": f"qbank.{topic}",
                "description": told,
                "messages": {k: {"$ref": f"#/components/messages/{k}"} for k in _of(topic)},
            }
            for topic, told in _TOPICS.items()
        },
        "operations": {
            f"tell_{topic}": {"action": "send", "channel": {"$ref": f"#/channels/{topic}"}}
            for topic in _TOPICS
        },
        "components": {
            "messages": {
                kind: {
                    "name": kind,
                    "summary": (model.__doc__ or "").strip(),
                    "contentType": CONTENT_TYPE,
                    "payload": {
                        "schemaFormat": "application/schema+json;version=draft-2020-12",
                        "schema": {"$ref": f"v{VERSION}/{kind}.json"},
                    },
                }
                for kind, model in EVENTS.items()
            }
        },
    }


def _of(topic: str) -> Iterator[str]:
    return (kind for kind, model in EVENTS.items() if _aggregate(model) == topic)


def _aggregate(model: type[Fact]) -> str:
    return model.aggregate


def files() -> dict[Path, str]:
    """What is to stand in ``events/``, by path within it."""
    made: dict[Path, Any] = {Path(f"v{VERSION}/{kind}.json"): schema(kind) for kind in EVENTS}
    made[Path("asyncapi.json")] = document()
    return {p: json.dumps(d, indent=2, ensure_ascii=False) + "\n" for p, d in made.items()}


def broken(folder: Path) -> list[str]:
    """What readers of the schemas in a folder would miss or not understand."""
    found = []
    for old in sorted(folder.glob(f"v{VERSION}/*.json")):
        if old.stem not in EVENTS:
            found.append(f"{old.stem} is gone")
            continue
        lines = breaks(json.loads(old.read_text()), schema(old.stem))
        found += [f"{old.stem}: {line}" for line in lines]
    return found


def main() -> None:
    """Writes the files; ends with 1 where readers would break."""
    folder = project_file("events")
    if lines := broken(folder):
        sys.exit("\n".join([*lines, "give it a new name beside the old one, or raise VERSION"]))
    for path, text in files().items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)


if __name__ == "__main__":
    main()
