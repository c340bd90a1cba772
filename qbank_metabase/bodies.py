"""Request bodies, as closed schemas of Metabase's REST API.

Metabase drops a key that it does not know without a word, so a typing error here would be lost
settings there: every body is validated against what the endpoints take (source:
`metabase.queries-rest.api.card`, `metabase.dashboards-rest.api`, `metabase.collections-rest.api`).
Belongs here: symbols to ids. Never here: sending.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from qbank_metabase.catalog import Catalog
from qbank_metabase.states import CardState, DashboardState, ParameterState, PlaceState, TagState

NonBlank = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
NanoId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{21}$")]
PositiveId = Annotated[int, Field(gt=0)]
Target = tuple[Literal["dimension", "variable"], tuple[Literal["template-tag"], NonBlank]]


class Body(BaseModel):
    """Base of the bodies: unknown keys are refused, names go out as Metabase spells them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def json_body(self) -> dict[str, Any]:
        """Return what is sent; only keys that were given."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class CollectionBody(Body):
    """`POST /api/collection`, `PUT /api/collection/:id`."""

    name: NonBlank
    description: NonBlank
    parent_id: PositiveId | None = None


class TemplateTagBody(Body):
    """A template tag of a native query."""

    id: NonBlank
    name: NonBlank
    display_name: NonBlank = Field(serialization_alias="display-name")
    type: Literal["dimension", "number", "text"]
    dimension: tuple[Literal["field"], PositiveId, None] | None = None
    widget_type: NonBlank | None = Field(default=None, serialization_alias="widget-type")
    default: Any = None
    required: bool = False


class NativeBody(Body):
    """SQL with its tags."""

    query: NonBlank
    template_tags: dict[str, TemplateTagBody] = Field(serialization_alias="template-tags")


class QueryBody(Body):
    """A native query; this form is understood by every release."""

    database: PositiveId
    type: Literal["native"] = "native"
    native: NativeBody


class ParameterBody(Body):
    """A filter of a card (with a target) or of a dashboard (with a section)."""

    id: NonBlank
    name: NonBlank
    slug: NonBlank
    type: NonBlank
    default: Any = None
    target: Target | None = None
    section_id: NonBlank | None = Field(default=None, serialization_alias="sectionId")


class CardBody(Body):
    """`PUT /api/card/:id`; `POST` takes the same without `archived` and with `entity_id`."""

    name: NonBlank
    description: NonBlank
    type: Literal["question"] = "question"
    display: NonBlank
    collection_id: PositiveId
    dataset_query: QueryBody
    parameters: tuple[ParameterBody, ...]
    visualization_settings: dict[str, Any]
    archived: bool | None = None
    entity_id: NanoId | None = None


class MappingBody(Body):
    """Which filter of the dashboard feeds which tag of the card."""

    parameter_id: NonBlank
    card_id: PositiveId
    target: Target


class DashcardBody(Body):
    """A place on the grid. A negative id asks Metabase to make one."""

    id: int
    card_id: PositiveId | None
    row: Annotated[int, Field(ge=0)]
    col: Annotated[int, Field(ge=0, le=23)]
    size_x: Annotated[int, Field(ge=1, le=24)]
    size_y: Annotated[int, Field(ge=1)]
    parameter_mappings: tuple[MappingBody, ...]
    visualization_settings: dict[str, Any]
    series: tuple[()] = ()


class DashboardCreateBody(Body):
    """`POST /api/dashboard`, which takes no places."""

    name: NonBlank
    description: NonBlank
    collection_id: PositiveId


class DashboardBody(Body):
    """`PUT /api/dashboard/:id`; `dashcards` and `tabs` replace all that is there."""

    name: NonBlank
    description: NonBlank
    collection_id: PositiveId
    width: Literal["fixed", "full"]
    parameters: tuple[ParameterBody, ...]
    dashcards: tuple[DashcardBody, ...]
    tabs: tuple[()] = ()
    archived: bool = False


def card_body(state: CardState, catalog: Catalog, entity_id: str | None) -> CardBody:
    """Return the body for a card: to create it under `entity_id`, or (None) to update it."""
    fate: dict[str, Any] = {"archived": False} if entity_id is None else {"entity_id": entity_id}
    return CardBody(
        name=state.name,
        description=state.description,
        type="question",
        display=state.display,
        collection_id=catalog.collection_ids[state.collection],
        dataset_query=QueryBody(
            database=catalog.database_id,
            type="native",
            native=NativeBody(
                query=state.sql,
                template_tags={n: _tag(n, tag, catalog) for n, tag in state.tags.items()},
            ),
        ),
        parameters=tuple(_parameter(n, spec) for n, spec in state.parameters.items()),
        visualization_settings=state.visualization,
        **fate,
    )


def dashboard_body(
    state: DashboardState, catalog: Catalog, dashcard_ids: dict[str, int]
) -> DashboardBody:
    """Return the body for a dashboard.

    Args:
        state: The dashboard as it should be.
        catalog: Ids of cards and collections.
        dashcard_ids: Ids of the places that are there already, by label; they are kept, so that
            links and subscriptions to them survive.
    """
    places = []
    for number, (label, place) in enumerate(state.places.items(), start=1):
        places.append(_dashcard(label, place, dashcard_ids.get(label, -number), state, catalog))
    return DashboardBody(
        name=state.name,
        description=state.description,
        collection_id=catalog.collection_ids[state.collection],
        width=state.width,  # type: ignore[arg-type]  # checked by the schema
        parameters=tuple(
            _parameter(name, state.filters[name], section=True) for name in state.filter_order
        ),
        dashcards=tuple(places),
        tabs=(),
        archived=False,
    )


def _tag(name: str, tag: TagState, catalog: Catalog) -> TemplateTagBody:
    optional: dict[str, Any] = {}
    if tag.column is not None:
        optional["dimension"] = ("field", catalog.field_ids[tag.column], None)
        optional["widget_type"] = tag.widget
    if tag.default is not None:
        optional["default"] = tag.default
    return TemplateTagBody(
        id=tag.id,
        name=name,
        display_name=tag.label,
        type=tag.type,  # type: ignore[arg-type]  # checked by the schema
        required=tag.required,
        **optional,
    )


def _parameter(name: str, spec: ParameterState, *, section: bool = False) -> ParameterBody:
    optional: dict[str, Any] = {}
    if spec.default is not None:
        optional["default"] = spec.default
    if spec.target is not None:
        optional["target"] = _target(spec.target)
    if section:
        optional["section_id"] = spec.type.partition("/")[0]
    return ParameterBody(id=spec.id, name=spec.label, slug=name, type=spec.type, **optional)


def _target(target: str) -> Target:
    kind, _, tag = target.partition(":")
    return (kind, ("template-tag", tag))  # type: ignore[return-value]  # checked by the schema


def _dashcard(
    label: str, place: PlaceState, dashcard_id: int, state: DashboardState, catalog: Catalog
) -> DashcardBody:
    card_id = None if "virtual_card" in place.visualization else catalog.card_ids[label]
    return DashcardBody(
        id=dashcard_id,
        card_id=card_id,
        row=place.row,
        col=place.col,
        size_x=place.width,
        size_y=place.height,
        parameter_mappings=tuple(
            MappingBody(
                parameter_id=state.filters[name].id,
                card_id=catalog.card_ids[label],
                target=_target(target),
            )
            for name, target in place.wiring.items()
        ),
        visualization_settings=place.visualization,
        series=(),
    )
