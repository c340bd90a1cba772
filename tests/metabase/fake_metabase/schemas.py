"""What each endpoint takes: key, whether it must be there, and what it must be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Check = Callable[[Any], bool]
Schema = dict[str, tuple[bool, Check, str]]

REQUIRED, OPTIONAL = True, False


def _maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _nonblank(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _natural(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is(kind: type) -> Check:
    return lambda value: isinstance(value, kind)


def _unique_ids(check: Check) -> Check:
    def passes(value: Any) -> bool:
        return (
            isinstance(value, list)
            and all(check(entry) for entry in value)
            and len({entry["id"] for entry in value}) == len(value)
        )

    return passes


def _nanoid(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{21}", value) is not None


def _parameter(value: Any) -> bool:
    return isinstance(value, dict) and _nonblank(value.get("id")) and _nonblank(value.get("type"))


def _tab(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), int)


def _dashcard(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("id"), int)
        and _positive(value.get("size_x"))
        and _positive(value.get("size_y"))
        and _natural(value.get("row"))
        and _natural(value.get("col"))
        and _maybe(_positive)(value.get("card_id"))
    )


def _query(value: Any) -> bool:
    native = value.get("native") if isinstance(value, dict) else None
    return (
        isinstance(native, dict) and _nonblank(native.get("query")) and _positive(value["database"])
    )


def _parameters(value: Any) -> bool:
    return isinstance(value, list) and all(_parameter(entry) for entry in value)


_BLANK = "value must be a non-blank string."
_ID = "nullable value must be an integer greater than zero."

SESSION: Schema = {
    "username": (REQUIRED, _nonblank, _BLANK),
    "password": (REQUIRED, _nonblank, _BLANK),
}
COLLECTION_CREATE: Schema = {
    "name": (REQUIRED, _nonblank, _BLANK),
    "description": (OPTIONAL, _maybe(_nonblank), _BLANK),
    "parent_id": (OPTIONAL, _maybe(_positive), _ID),
}
COLLECTION_UPDATE: Schema = {
    "name": (OPTIONAL, _maybe(_nonblank), _BLANK),
    "description": (OPTIONAL, _maybe(_is(str)), "nullable string"),
    "archived": (OPTIONAL, _maybe(_is(bool)), "nullable boolean"),
    "parent_id": (OPTIONAL, _maybe(_positive), _ID),
}
_CARD: Schema = {
    "type": (OPTIONAL, lambda v: v in {"question", "model", "metric", None}, "nullable enum"),
    "parameters": (OPTIONAL, _maybe(_parameters), "nullable sequence of parameters"),
    "collection_id": (OPTIONAL, _maybe(_positive), _ID),
    "collection_position": (OPTIONAL, _maybe(_positive), _ID),
    "cache_ttl": (OPTIONAL, _maybe(_positive), _ID),
}
CARD_CREATE: Schema = _CARD | {
    "name": (REQUIRED, _nonblank, _BLANK),
    "dataset_query": (REQUIRED, _query, "value must be a query"),
    "entity_id": (OPTIONAL, _maybe(_nanoid), "nullable NanoID"),
    "description": (OPTIONAL, _maybe(_nonblank), _BLANK),
    "display": (REQUIRED, _nonblank, _BLANK),
    "visualization_settings": (REQUIRED, _is(dict), "value must be a map"),
}
CARD_UPDATE: Schema = _CARD | {
    "name": (OPTIONAL, _maybe(_nonblank), _BLANK),
    "dataset_query": (OPTIONAL, _maybe(_query), "value must be a query"),
    "description": (OPTIONAL, _maybe(_is(str)), "nullable string"),
    "display": (OPTIONAL, _maybe(_nonblank), _BLANK),
    "visualization_settings": (OPTIONAL, _maybe(_is(dict)), "value must be a map"),
    "archived": (OPTIONAL, _maybe(_is(bool)), "nullable boolean"),
}
DASHBOARD_CREATE: Schema = {
    "name": (REQUIRED, _nonblank, _BLANK),
    "description": (OPTIONAL, _maybe(_is(str)), "nullable string"),
    "parameters": (OPTIONAL, _maybe(_parameters), "nullable sequence of parameters"),
    "collection_id": (OPTIONAL, _maybe(_positive), _ID),
}
DASHBOARD_UPDATE: Schema = {
    "name": (OPTIONAL, _maybe(_nonblank), _BLANK),
    "description": (OPTIONAL, _maybe(_is(str)), "nullable string"),
    "parameters": (OPTIONAL, _maybe(_parameters), "nullable sequence of parameters"),
    "width": (OPTIONAL, lambda value: value in {"fixed", "full"}, "enum of fixed, full"),
    "archived": (OPTIONAL, _maybe(_is(bool)), "nullable boolean"),
    "collection_id": (OPTIONAL, _maybe(_positive), _ID),
    "dashcards": (OPTIONAL, _maybe(_unique_ids(_dashcard)), "sequence with unique :id"),
    "tabs": (OPTIONAL, _maybe(_unique_ids(_tab)), "sequence with unique :id"),
}
_ANYTHING = (OPTIONAL, lambda _: True, "")
_DASHCARD_KEYS = """id card_id row col size_x size_y dashboard_tab_id parameter_mappings series
    visualization_settings inline_parameters action_id"""
_PARAMETER_KEYS = """id name slug type default target sectionId filteringParameters mappings
    temporal_units values_query_type values_source_config values_source_type"""
DASHCARD: Schema = dict.fromkeys(_DASHCARD_KEYS.split(), _ANYTHING)
PARAMETER: Schema = dict.fromkeys(_PARAMETER_KEYS.split(), _ANYTHING)


def take(schema: Schema, body: dict[str, Any], dropped: list[str]) -> dict[str, Any]:
    """Returns what the schema knows of `body`, noting what it drops.

    Raises:
        ValueError: with the errors by key, where something is missing or wrong.
    """
    errors = {
        key: message
        for key, (required, check, message) in schema.items()
        if (key in body or required) and not check(body.get(key))
    }
    if errors:
        raise ValueError(errors)
    dropped.extend(key for key in body if key not in schema)
    return {key: value for key, value in body.items() if key in schema}
