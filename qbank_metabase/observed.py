"""What a Metabase has, read from its answers into the shapes of `states.py`.

Belongs here: tolerance for the forms that different releases give the same thing. A query comes
back as `{"type": "native", "native": …}` or, from later releases, as MBQL 5 (`stages`), and its
template tags as a map or as a list.
"""

from __future__ import annotations

from typing import Any

from qbank_metabase.catalog import Catalog
from qbank_metabase.states import (
    CardState,
    DashboardState,
    ParameterState,
    PlaceState,
    TagState,
    text_label,
)

Json = dict[str, Any]


def observed_card(answer: Json, catalog: Catalog) -> CardState:
    """Return the card of `GET /api/card/:id` in symbols."""
    query = answer.get("dataset_query") or {}
    sql, tags = _native(query)
    database_id = query.get("database")
    return CardState(
        name=answer["name"],
        description=answer.get("description") or "",
        display=answer["display"],
        collection=catalog.collection_path(answer.get("collection_id")),
        database=(
            catalog.database if database_id == catalog.database_id else f"database {database_id}"
        ),
        archived=bool(answer.get("archived")),
        type=answer.get("type") or "question",
        sql=sql,
        tags={name: _tag(tag, catalog) for name, tag in tags.items()},
        parameters=_parameters(answer.get("parameters")),
        visualization=answer.get("visualization_settings") or {},
    )


def observed_dashboard(answer: Json, catalog: Catalog) -> DashboardState:
    """Return the dashboard of `GET /api/dashboard/:id` in symbols."""
    filters = _parameters(answer.get("parameters"))
    names = {spec.id: name for name, spec in filters.items()}
    places: dict[str, PlaceState] = {}
    for dashcard in answer.get("dashcards") or []:
        label = dashcard_label(dashcard, catalog)
        # a card that someone placed twice must show up as a difference, not vanish
        while label in places:
            label += " (again)"
        places[label] = _place(dashcard, names, catalog)
    return DashboardState(
        name=answer["name"],
        description=answer.get("description") or "",
        collection=catalog.collection_path(answer.get("collection_id")),
        archived=bool(answer.get("archived")),
        width=answer.get("width") or "fixed",
        filter_order=tuple(filters),
        filters=filters,
        tabs=tuple(tab["name"] for tab in answer.get("tabs") or []),
        places=places,
    )


def dashcard_label(dashcard: Json, catalog: Catalog) -> str:
    """Return the key of the card at a place, or the words of its text."""
    if dashcard.get("card_id") is not None:
        return catalog.card_label(dashcard["card_id"])
    settings = dashcard.get("visualization_settings") or {}
    display = (settings.get("virtual_card") or {}).get("display", "element")
    return text_label(display, settings.get("text") or "")


def _native(query: Json) -> tuple[str, dict[str, Json]]:
    stages = query.get("stages")
    native = stages[0] if stages else query.get("native") or {}
    sql = native.get("native" if stages else "query") or ""
    tags = native.get("template-tags") or {}
    return sql, {tag["name"]: tag for tag in tags} if isinstance(tags, list) else tags


def _tag(tag: Json, catalog: Catalog) -> TagState:
    dimension = tag.get("dimension")
    return TagState(
        id=str(tag.get("id", "")),
        label=tag.get("display-name") or "",
        type=tag["type"],
        column=None if dimension is None else catalog.column(_field_id(dimension)),
        widget=tag.get("widget-type"),
        default=tag.get("default"),
        required=bool(tag.get("required")),
    )


def _field_id(clause: list[Any]) -> object:
    """Return the id in `["field", id, options]` or, in MBQL 5, `["field", options, id]`."""
    return next((part for part in clause[1:] if isinstance(part, int)), None)


def _parameters(answers: list[Json] | None) -> dict[str, ParameterState]:
    return {
        answer.get("slug") or answer["id"]: ParameterState(
            id=answer["id"],
            label=answer.get("name") or "",
            type=answer["type"],
            default=answer.get("default"),
            target=_target(answer.get("target")),
        )
        for answer in answers or []
    }


def _target(clause: list[Any] | None) -> str | None:
    """Return `dimension:tag`; later releases append options such as the stage number."""
    if not clause:
        return None
    inner = next((part for part in clause[1:] if isinstance(part, list)), [])
    return f"{clause[0]}:{inner[-1]}" if inner[:1] == ["template-tag"] else str(clause)


def _place(dashcard: Json, names: dict[str, str], catalog: Catalog) -> PlaceState:
    return PlaceState(
        row=dashcard["row"],
        col=dashcard["col"],
        width=dashcard["size_x"],
        height=dashcard["size_y"],
        wiring={
            names.get(mapping["parameter_id"], mapping["parameter_id"]): str(
                _target(mapping.get("target"))
            )
            for mapping in dashcard.get("parameter_mappings") or []
        },
        visualization=dashcard.get("visualization_settings") or {},
        series=tuple(catalog.card_label(card["id"]) for card in dashcard.get("series") or []),
    )
