"""Cards and dashboards in symbols: keys, names and columns in place of ids.

What we want and what a Metabase has are both brought into these shapes, so that they can be
compared and the difference can be read. Belongs here: the shapes, and what we want from the
content. Never here: JSON of the API (`observed.py` reads it, `bodies.py` writes it).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from qbank_metabase.content import Content
from qbank_metabase.documents import (
    CardDocument,
    CardRow,
    DashboardDocument,
    FieldFilterTag,
    HeadingRow,
    Row,
    Tag,
)
from qbank_metabase.identity import dashboard_parameter_id, tag_id

HEADING_HEIGHT = 1
_VARIABLE_PARAMETER = {"number": "number/=", "text": "string/="}


class State(BaseModel):
    """Base of the shapes: frozen and closed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TagState(State):
    """A template tag. `column` is `schema.table.column` for a field filter, else None."""

    id: str
    label: str
    type: str
    column: str | None = None
    widget: str | None = None
    default: Any = None
    required: bool = False


class ParameterState(State):
    """A filter of a card or a dashboard; `target` reads `dimension:tag` or `variable:tag`."""

    id: str
    label: str
    type: str
    default: Any = None
    target: str | None = None


class CardState(State):
    """A question."""

    name: str
    description: str
    display: str
    collection: str
    database: str
    archived: bool = False
    type: str = "question"
    sql: str
    tags: dict[str, TagState]
    parameters: dict[str, ParameterState]
    visualization: dict[str, Any]


class PlaceState(State):
    """A place on the grid, in columns of 24 and rows."""

    row: int
    col: int
    width: int
    height: int
    wiring: dict[str, str] = Field(default_factory=dict)
    visualization: dict[str, Any] = Field(default_factory=dict)
    series: tuple[str, ...] = ()


class DashboardState(State):
    """A dashboard; `places` is keyed by the card's key, or by the words of a text."""

    name: str
    description: str
    collection: str
    archived: bool = False
    width: str
    filter_order: tuple[str, ...]
    filters: dict[str, ParameterState]
    tabs: tuple[str, ...] = ()
    places: dict[str, PlaceState]


def text_label(display: str, text: str) -> str:
    """Return how a heading or a text is called in a difference."""
    return f"{display} “{text}”"


def desired_card(content: Content, card: CardDocument, database: str, schema: str) -> CardState:
    """Return the card as it should be.

    Args:
        content: All content, for the path of the collection.
        card: The card's document.
        database: Name of the database in Metabase.
        schema: Schema of the marts.
    """
    tags = {name: _tag(card.key, name, tag, schema) for name, tag in card.tags.items()}
    return CardState(
        name=card.name,
        description=card.description,
        display=card.display,
        collection=content.collection_path(card.collection),
        database=database,
        sql=card.sql,
        tags=tags,
        parameters={name: _parameter(name, tag) for name, tag in tags.items()},
        visualization=card.visualization,
    )


def desired_dashboard(content: Content, dashboard: DashboardDocument) -> DashboardState:
    """Return the dashboard as it should be: rows laid out on the grid, every filter wired."""
    places: dict[str, PlaceState] = {}
    top = 0
    for row in dashboard.rows:
        places |= _places(content, dashboard, row, top)
        top += HEADING_HEIGHT if isinstance(row, HeadingRow) else row.height
    return DashboardState(
        name=dashboard.name,
        description=dashboard.description,
        collection=content.collection_path(dashboard.collection),
        width=dashboard.width,
        filter_order=tuple(dashboard.filters),
        filters={
            name: ParameterState(
                id=dashboard_parameter_id(dashboard.key, name),
                label=spec.label,
                type=spec.widget,
                default=plain(spec.default),
            )
            for name, spec in dashboard.filters.items()
        },
        places=places,
    )


def plain(value: Any) -> Any:
    """Return `value` as JSON would give it back: tuples become lists."""
    return list(value) if isinstance(value, tuple) else value


def _tag(card_key: str, name: str, tag: Tag, schema: str) -> TagState:
    if isinstance(tag, FieldFilterTag):
        return TagState(
            id=tag_id(card_key, name),
            label=tag.label,
            type="dimension",
            column=f"{schema}.{tag.column}",
            widget=tag.widget,
            default=plain(tag.default),
        )
    return TagState(
        id=tag_id(card_key, name),
        label=tag.label,
        type=tag.variable,
        default=tag.default,
        required=tag.required,
    )


def _parameter(name: str, tag: TagState) -> ParameterState:
    return ParameterState(
        id=tag.id,
        label=tag.label,
        type=tag.widget or _VARIABLE_PARAMETER[tag.type],
        default=tag.default,
        target=target_of(name, tag.type),
    )


def target_of(name: str, tag_type: str) -> str:
    """Return where a parameter goes: field filters are dimensions, raw values are variables."""
    return f"{'dimension' if tag_type == 'dimension' else 'variable'}:{name}"


def _places(
    content: Content, dashboard: DashboardDocument, row: Row, top: int
) -> dict[str, PlaceState]:
    if isinstance(row, CardRow):
        return _card_places(content, dashboard, row, top)
    display, text, height = (
        ("heading", row.heading, HEADING_HEIGHT)
        if isinstance(row, HeadingRow)
        else ("text", row.text, row.height)
    )
    place = PlaceState(
        row=top, col=0, width=24, height=height, visualization=virtual_card(display, text)
    )
    return {text_label(display, text): place}


def _card_places(
    content: Content, dashboard: DashboardDocument, row: CardRow, top: int
) -> dict[str, PlaceState]:
    places = {}
    left = 0
    for cell in row.cards:
        tags = content.cards[cell.card].tags
        wiring = {
            name: target_of(
                name, "dimension" if isinstance(tags[name], FieldFilterTag) else "variable"
            )
            for name in dashboard.filters
        }
        places[cell.card] = PlaceState(
            row=top, col=left, width=cell.width, height=row.height, wiring=wiring
        )
        left += cell.width
    return places


def virtual_card(display: str, text: str) -> dict[str, Any]:
    """Return the settings by which Metabase knows a heading or a text on a dashboard."""
    return {
        "virtual_card": {
            "name": None,
            "display": display,
            "visualization_settings": {},
            "dataset_query": {},
            "archived": False,
        },
        "text": text,
        "dashcard.background": False,
    }
