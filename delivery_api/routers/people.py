"""What is stored about a person, given out and erased over the API: asked for, followed, read.

What never lives here: which rows those are (``qbank.people``); the owner reads and erases them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, get_args
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from delivery_api.access import Admin
from delivery_api.asking import ACCEPTED, ask, kept_file
from delivery_api.changes import change, reading
from delivery_api.fields import Body, Name, Page, PageNumber, PageSize
from delivery_api.idempotency import ChangeRoute
from delivery_api.problems import documented, not_found
from delivery_api.tokens import Principal
from qbank.import_reports import Erased
from qbank.stores import data_requests
from qbank.stores.data_requests import DataRequest
from qbank.vocabulary import DataRequestState, PersonRequestKind

router = APIRouter(
    prefix="/v1/admin/people",
    tags=["people"],
    responses=documented(401, 403, 422, 503),
    route_class=ChangeRoute,
)
_KINDS: Final[tuple[PersonRequestKind, ...]] = get_args(PersonRequestKind)
RequestPath = Annotated[UUID, Path(description="the request, as asking for it named it")]
_DOCUMENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "the document of `qbank person export`: a list of rows for each section",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


class AskedPerson(Body):
    """Whom it is about."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "anna"}]})

    user_id: Name = Field(description="the id that the person's answers have")


class AskedErasure(AskedPerson):
    """Whom to erase, and how."""

    with_open: bool = Field(default=False, description="also quizzes that are under way")
    dry_run: bool = Field(default=False, description="only count the rows; erases nothing")


class PersonRequest(BaseModel):
    """What was asked for about a person, and what became of it."""

    id: UUID
    kind: PersonRequestKind
    user_id: str = Field(description="`(erased)` once the person is, or where nobody has the id")
    options: dict[str, Any] = Field(description="those that were given")
    requested_by: str
    state: DataRequestState = Field(
        description="queued, running; done; refused, and `error` says why; failed: it was tried"
        " several times, ask again"
    )
    error: str | None
    has_document: bool = Field(description="whether an export is there to be read")
    erased: Erased | None = Field(description="of an erasure; as the command's")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@router.post(
    "/exports",
    status_code=202,
    summary="Give out a person's data",
    responses=ACCEPTED | documented(429),
)
def export_person(
    asked: AskedPerson, caller: Admin, request: Request, response: Response
) -> PersonRequest:
    """Asks for all that is stored about a person, as ``qbank person export`` gives it out."""
    return _ask(request, caller, response, "person_export", asked)


@router.post(
    "/erasures", status_code=202, summary="Erase a person", responses=ACCEPTED | documented(429)
)
def erase_person(
    asked: AskedErasure, caller: Admin, request: Request, response: Response
) -> PersonRequest:
    """Asks for a person's erasure, whole or not at all, as ``qbank person erase`` does it."""
    return _ask(request, caller, response, "person_erase", asked)


@router.get("/requests", summary="Requests about people")
def list_person_requests(
    caller: Admin,
    request: Request,
    kind: Annotated[PersonRequestKind | None, Query()] = None,
    state: Annotated[DataRequestState | None, Query()] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[PersonRequest]:
    """What was asked for, the newest first."""
    with reading(request, caller) as conn:
        found, total = data_requests.find(
            conn,
            caller.tenant_id,
            kinds=_KINDS if kind is None else (kind,),
            state=state,
            limit=page_size,
            offset=(page - 1) * page_size,
        )
    items = [_shown(one) for one in found]
    return Page(items=items, total=total, page=page, page_size=page_size)


@router.get("/requests/{request_id}", summary="A request about a person", responses=documented(404))
def read_person_request(request_id: RequestPath, caller: Admin, request: Request) -> PersonRequest:
    """How far it is, and at the end of an erasure the rows by table."""
    with reading(request, caller) as conn:
        found = data_requests.get(conn, request_id, tenant_id=caller.tenant_id, kinds=_KINDS)
    return _shown(found)


@router.get(
    "/requests/{request_id}/document",
    summary="What is stored about a person",
    response_class=StreamingResponse,
    responses=_DOCUMENT | documented(404),
)
def read_person_document(
    request_id: RequestPath, caller: Admin, request: Request
) -> StreamingResponse:
    """The document; kept as long as files are (``QBANK_KEEP_FILES_DAYS``), each reading noted."""
    with change(request, caller) as step:
        found = data_requests.get(step.conn, request_id, tenant_id=caller.tenant_id, kinds=_KINDS)
        if not found.has_document:
            raise not_found(f"a document of request {request_id}")
        step.audit("person.read", f"request={request_id}")
    return kept_file(request, caller, found.id, "document", "json")


def _ask(
    request: Request,
    caller: Principal,
    response: Response,
    kind: PersonRequestKind,
    asked: AskedPerson,
) -> PersonRequest:
    options = asked.model_dump(exclude={"user_id"}, exclude_unset=True)
    with change(request, caller) as step:
        made = ask(request, step, kind, person=asked.user_id, options=options)
        # without the id, which the request has until an erasure takes it out
        step.audit("person.ask", f"request={made.id}", kind=kind, options=options)
    response.headers["location"] = f"{router.prefix}/requests/{made.id}"
    return _shown(made)


def _shown(asked: DataRequest) -> PersonRequest:
    return PersonRequest.model_validate(
        vars(asked) | {"user_id": asked.person, "erased": asked.report}
    )
