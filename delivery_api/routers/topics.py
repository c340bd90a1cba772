"""The topic tree that questions and blueprints hang on."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from delivery_api.access import AnyCaller, Author
from delivery_api.changes import change, reading
from delivery_api.fields import Body, Identifier, Name, Page, PageNumber, PageSize
from delivery_api.idempotency import ChangeRoute
from delivery_api.problems import documented
from qbank.stores import authoring

router = APIRouter(
    prefix="/v1/author/topics",
    tags=["authoring"],
    responses=documented(401, 403, 422, 503),
    route_class=ChangeRoute,
)


class NewTopic(Body):
    """A topic to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Acids", "parent_id": 4}]})

    name: Name
    parent_id: Identifier | None = Field(default=None, description="null: at the root")
    blueprint_code: Name | None = None


class Topic(BaseModel):
    """A node of the topic tree."""

    id: int
    parent_id: int | None
    name: str
    blueprint_code: str | None


@router.get("", summary="The topic tree")
def list_topics(
    caller: AnyCaller, request: Request, page: PageNumber = 1, page_size: PageSize = 200
) -> Page[Topic]:
    """The tenant's topics, each with its parent; students filter quizzes by them."""
    with reading(request, caller) as conn:
        found = authoring.topics(
            conn, caller.tenant_id, limit=page_size, offset=(page - 1) * page_size
        )
    return Page[Topic].of(found, page, page_size)


@router.post("", status_code=201, summary="Add a topic", responses=documented(409))
def create_topic(body: NewTopic, caller: Author, request: Request) -> Topic:
    """Adds a topic below another, or at the root."""
    with change(request, caller) as step:
        topic = authoring.create_topic(
            step.conn,
            caller.tenant_id,
            body.name,
            parent_id=body.parent_id,
            blueprint_code=body.blueprint_code,
        )
        step.audit("topic.create", f"topic={topic.id}", name=body.name, parent_id=body.parent_id)
    return Topic.model_validate(topic, from_attributes=True)
