"""What a Metabase holds, in Metabase's own representation format (YAML without numeric ids).

Only as far as an outside check of the bodies needs it: cards, dashboards and collections as
`https://github.com/metabase/representations` describes them, version 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from tests.metabase.fake_metabase import Store

Json = dict[str, Any]

CREATOR = "ops@example.org"
_CARD_KEYS = ("name", "description", "display", "type", "visualization_settings", "archived")
_PLACE_KEYS = ("row", "col", "size_x", "size_y", "visualization_settings")


def representation(store: Store, database: str = "qbank") -> Iterator[tuple[str, Json]]:
    """Yields each entity with a file name for it."""
    for entry in store.collections.values():
        yield (
            f"collection_{entry['id']}.yaml",
            _entity("Collection", entry)
            | {
                "name": entry["name"],
                "description": entry["description"],
            },
        )
    for entry in store.cards.values():
        yield f"card_{entry['id']}.yaml", _card(store, entry, database)
    for entry in store.dashboards.values():
        yield f"dashboard_{entry['id']}.yaml", _dashboard(store, entry)


def _entity_id(model: str, entry: Json) -> str:
    made = hashlib.sha256(f"{model}{entry['id']}".encode()).hexdigest()[:21]
    return str(entry.get("entity_id") or made)


def _entity(model: str, entry: Json) -> Json:
    entity_id = _entity_id(model, entry)
    return {"entity_id": entity_id, "serdes/meta": [{"id": entity_id, "model": model}]}


def _card(store: Store, entry: Json, database: str) -> Json:
    native = entry["dataset_query"]["native"]
    columns = {number: name for name, number in store.fields.items()}
    tags = []
    for tag in native["template-tags"].values():
        if tag.get("dimension"):
            column = ["qbank", "analytics", *columns[tag["dimension"][1]].split(".")]
            tag = tag | {"dimension": ["field", {}, column]}
        tags.append(tag)
    stage = {"lib/type": "mbql.stage/native", "native": native["query"], "template-tags": tags}
    return (
        {key: entry[key] for key in _CARD_KEYS}
        | _entity("Card", entry)
        | {
            "creator_id": CREATOR,
            "collection_id": _entity_id("Collection", store.collections[entry["collection_id"]]),
            "parameters": entry["parameters"],
            "dataset_query": {"lib/type": "mbql/query", "database": database, "stages": [stage]},
        }
    )


def _dashboard(store: Store, entry: Json) -> Json:
    def card_id(number: int | None) -> str | None:
        return None if number is None else _entity_id("Card", store.cards[number])

    meta = _entity("Dashboard", entry)
    dashcards = []
    for place in entry["dashcards"]:
        own = _entity("DashboardCard", place)
        dashcards.append(
            {key: place[key] for key in _PLACE_KEYS}
            | own
            | {
                "serdes/meta": [*meta["serdes/meta"], *own["serdes/meta"]],
                "card_id": card_id(place["card_id"]),
                "parameter_mappings": [
                    mapping | {"card_id": card_id(mapping["card_id"])}
                    for mapping in place["parameter_mappings"]
                ],
            }
        )
    return meta | {
        "name": entry["name"],
        "description": entry["description"],
        "creator_id": CREATOR,
        "collection_id": _entity_id("Collection", store.collections[entry["collection_id"]]),
        "width": entry["width"],
        "parameters": entry["parameters"],
        "dashcards": dashcards,
    }
