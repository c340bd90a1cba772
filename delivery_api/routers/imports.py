"""Imports by upload: follow what becomes of a file, take it back. Sending it: ``import_files``."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any, Final, get_args
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from delivery_api.access import Importer
from delivery_api.asking import ACCEPTED, ask, kept_file
from delivery_api.changes import change, reading
from delivery_api.exam_codes import ShownExam, told_in_codes
from delivery_api.fields import ExamCode, Page, PageNumber, PageSize
from delivery_api.idempotency import ChangeRoute
from delivery_api.problems import documented, not_found
from delivery_api.tokens import Principal
from qbank.import_reports import ImportReport, ItemsReport, Undone
from qbank.postgres import Connection
from qbank.stores import ConflictError, data_requests
from qbank.stores.data_requests import DataRequest
from qbank.vocabulary import DataRequestState, ImportKind

_KINDS: Final[tuple[ImportKind, ...]] = get_args(ImportKind)

router = APIRouter(
    prefix="/v1/imports",
    tags=["imports"],
    responses=documented(401, 403, 422, 503),
    route_class=ChangeRoute,
)
ImportPath = Annotated[UUID, Path(description="the import, as sending its file named it")]


class Import(BaseModel):
    """What was asked for, and what became of it."""

    id: UUID
    kind: ImportKind
    exam_code: ShownExam
    undoes: UUID | None = Field(description="the import that an undo takes back")
    options: dict[str, Any] = Field(description="those that were given")
    file_name: str | None
    file_bytes: int | None
    sha256: str | None
    key_name: str | None = Field(description="the file of keys that came with it")
    key_sha256: str | None
    requested_by: str
    state: DataRequestState = Field(
        description="queued, running; done; refused: the file cannot be used as asked, and `error`"
        " says why; failed: it was tried several times, send it again"
    )
    error: str | None
    batch: int | None = Field(description="its number in `qbank import list`, where it wrote")
    undone_by: UUID | None = Field(description="the undo that took it back")
    has_rejects: bool = Field(description="whether rows that were refused are to be had")
    responses_report: ImportReport | None = Field(description="of responses; as the command's")
    items_report: ItemsReport | None = Field(description="of items; as the command's")
    undo_report: Undone | None = Field(description="of an undo; as the command's")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


_REJECTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "the file's own columns, `reject_line` and `reject_reason`",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


@router.get("", summary="Imports")
def list_imports(
    caller: Importer,
    request: Request,
    exam_code: Annotated[ExamCode | None, Query()] = None,
    kind: Annotated[ImportKind | None, Query()] = None,
    state: Annotated[DataRequestState | None, Query()] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[Import]:
    """What was asked for over the API, the newest first."""
    with reading(request, caller) as conn:
        found, total = data_requests.find(
            conn,
            caller.tenant_id,
            kinds=_KINDS if kind is None else (kind,),
            state=state,
            exam=exam_code,
            limit=page_size,
            offset=(page - 1) * page_size,
        )
    items = [shown(one) for one in found]
    return Page(items=items, total=total, page=page, page_size=page_size)


@router.get("/{import_id}", summary="An import", responses=documented(404))
def read_import(import_id: ImportPath, caller: Importer, request: Request) -> Import:
    """How far it is, and at its end the report that the command would have given."""
    with reading(request, caller) as conn:
        return shown(_found(conn, caller, import_id))


@router.get(
    "/{import_id}/rejects",
    summary="Rows that were refused",
    response_class=StreamingResponse,
    responses=_REJECTS | documented(404),
)
def read_import_rejects(
    import_id: ImportPath, caller: Importer, request: Request
) -> StreamingResponse:
    """To be mended and imported; kept as long as files are (``QBANK_KEEP_FILES_DAYS``)."""
    with reading(request, caller) as conn:
        found = _found(conn, caller, import_id)
    if not found.has_rejects:
        raise not_found(f"a file of rows that import {import_id} refused")

    return kept_file(request, caller, found.id, "rejects", "csv")


@router.post(
    "/{import_id}/undo",
    status_code=202,
    summary="Take an import back",
    responses=ACCEPTED | documented(404, 409, 429),
)
def undo_import(
    import_id: ImportPath, caller: Importer, request: Request, response: Response
) -> Import:
    """Asks for its undoing, which is a request of its own: as ``qbank import undo``."""
    with change(request, caller) as step:
        found = _found(step.conn, caller, import_id)
        if found.state != "done" or found.import_batch_id is None or found.undone_by is not None:
            raise ConflictError(f"import {import_id} {_not_undone(found)}")
        asked = ask(request, step, "undo", exam=found.exam, undoes=found.id)
        step.audit("import.undo", f"exam={found.exam} request={asked.id}", undoes=str(found.id))
    return accepted(response, shown(asked))


def _found(conn: Connection, caller: Principal, import_id: UUID) -> DataRequest:
    return data_requests.get(conn, import_id, tenant_id=caller.tenant_id, kinds=_KINDS)


def _not_undone(found: DataRequest) -> str:
    if found.state != "done":
        return f"is {found.state}: only what was written can be taken back"
    if found.undone_by is not None:
        return f"was taken back by {found.undone_by}"
    return "wrote nothing that could be taken back"


def accepted(response: Response, asked: Import) -> Import:
    """The answer to what was asked for, which says where to look."""
    response.headers["location"] = f"/v1/imports/{asked.id}"
    return asked


def shown(asked: DataRequest) -> Import:
    """An import as it is told."""
    assert asked.exam is not None  # noqa: S101  (a constraint)
    report = told_in_codes(asked.report)
    same = {f.name for f in fields(asked)} & set(Import.model_fields)
    return Import(
        **{name: getattr(asked, name) for name in same - {"error"}},
        exam_code=asked.exam,
        error=told_in_codes(asked.error),
        batch=asked.import_batch_id,
        responses_report=report if asked.kind == "responses" else None,
        items_report=report if asked.kind == "items" else None,
        undo_report=report if asked.kind == "undo" else None,
    )
