"""Imports by upload: send a file, follow what becomes of it, take it back."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, get_args
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, BaseModel, Field, field_validator
from starlette.concurrency import run_in_threadpool

from delivery_api.access import Admin
from delivery_api.asking import ACCEPTED, admit, kept_file
from delivery_api.changes import change, reading
from delivery_api.exam_codes import ShownExam, told_in_codes
from delivery_api.fields import ExamCode, Page, PageNumber, PageSize
from delivery_api.idempotency import ChangeRoute
from delivery_api.problems import documented, not_found
from delivery_api.routers.exams import ExamPath
from delivery_api.tokens import Principal
from delivery_api.uploads import BODY, Upload, UploadRoute, received
from qbank.import_reports import ImportReport, ItemsReport, Undone
from qbank.postgres import Connection
from qbank.requests.imports import ItemsImport, ResponsesImport
from qbank.stores import ConflictError, data_requests, item_bank
from qbank.stores.data_requests import DataRequest, File
from qbank.vocabulary import DataRequestState, ImportKind

_NAME_BYTES: Final = 200
_KINDS: Final[tuple[ImportKind, ...]] = get_args(ImportKind)

uploads = APIRouter(
    prefix="/v1/exams",
    tags=["imports"],
    responses=documented(401, 403, 404, 422, 503),
    route_class=UploadRoute,
)
router = APIRouter(
    prefix="/v1/imports",
    tags=["imports"],
    responses=documented(401, 403, 422, 503),
    route_class=ChangeRoute,
)
ImportPath = Annotated[UUID, Path(description="the import, as sending its file named it")]


def _plain_name(name: str) -> str:
    if name in (".", "..") or len(name.encode()) > _NAME_BYTES:
        raise ValueError(f"give a name of at most {_NAME_BYTES} bytes, without a folder")
    return name


FileName = Annotated[
    str,
    Field(
        pattern=r"^[^/\\\x00-\x1f\x7f]+$",
        max_length=_NAME_BYTES,
        description="what the file is called; its rejects are called after it",
    ),
    AfterValidator(_plain_name),
]


class ResponsesUpload(ResponsesImport):
    """How a file of responses is read, and what is done with it."""

    file_name: FileName = "responses"

    @field_validator("pseudonymise")
    @classmethod
    def _is_the_command_s(cls, given: bool) -> bool:  # noqa: FBT001
        if given:
            raise ValueError(
                "the file would be kept here with the ids that stand in it: use `qbank import"
                " responses --pseudonymise`"
            )
        return given


class ItemsUpload(ItemsImport):
    """How a file of items is read, and what is done with it."""

    file_name: FileName = "items"


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


@uploads.post(
    "/{exam_code}/imports",
    status_code=202,
    summary="Import responses",
    openapi_extra=BODY,
    responses=ACCEPTED | documented(413, 429),
)
async def import_responses(
    exam_code: ExamPath,
    options: Annotated[ResponsesUpload, Query()],
    caller: Admin,
    request: Request,
    response: Response,
) -> Import:
    """Takes the file, which the orchestrator imports as ``qbank import responses`` does.

    The body is the file. With ``dry_run`` nothing is written, and the report says what would be.
    """
    async with received(request, caller) as upload:
        asked = partial(_keep, request, caller, exam_code, "responses", options, upload)
        return _accepted(response, await run_in_threadpool(asked))


@uploads.post(
    "/{exam_code}/imports/items",
    status_code=202,
    summary="Import items",
    openapi_extra=BODY,
    responses=ACCEPTED | documented(413, 429),
)
async def import_items(
    exam_code: ExamPath,
    options: Annotated[ItemsUpload, Query()],
    caller: Admin,
    request: Request,
    response: Response,
) -> Import:
    """Takes the file, which the orchestrator imports as ``qbank import items`` does.

    The body is the file. With ``dry_run`` nothing is written, and the report says what would be.
    """
    async with received(request, caller) as upload:
        asked = partial(_keep, request, caller, exam_code, "items", options, upload)
        return _accepted(response, await run_in_threadpool(asked))


@router.get("", summary="Imports")
def list_imports(
    caller: Admin,
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
    items = [_shown(one) for one in found]
    return Page(items=items, total=total, page=page, page_size=page_size)


@router.get("/{import_id}", summary="An import", responses=documented(404))
def read_import(import_id: ImportPath, caller: Admin, request: Request) -> Import:
    """How far it is, and at its end the report that the command would have given."""
    with reading(request, caller) as conn:
        return _shown(_found(conn, caller, import_id))


@router.get(
    "/{import_id}/rejects",
    summary="Rows that were refused",
    response_class=StreamingResponse,
    responses=_REJECTS | documented(404),
)
def read_import_rejects(
    import_id: ImportPath, caller: Admin, request: Request
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
    import_id: ImportPath, caller: Admin, request: Request, response: Response
) -> Import:
    """Asks for its undoing, which is a request of its own: as ``qbank import undo``."""
    with change(request, caller) as step:
        found = _found(step.conn, caller, import_id)
        if found.state != "done" or found.import_batch_id is None or found.undone_by is not None:
            raise ConflictError(f"import {import_id} {_not_undone(found)}")
        asked = data_requests.create(
            step.conn,
            tenant_id=caller.tenant_id,
            kind="undo",
            exam=found.exam,
            requested_by=caller.user_id,
            undoes=found.id,
        )
        admit(request, step.conn, caller)
        step.audit("import.undo", f"exam={found.exam} request={asked.id}", undoes=str(found.id))
    return _accepted(response, _shown(asked))


def _found(conn: Connection, caller: Principal, import_id: UUID) -> DataRequest:
    return data_requests.get(conn, import_id, tenant_id=caller.tenant_id, kinds=_KINDS)


def _not_undone(found: DataRequest) -> str:
    if found.state != "done":
        return f"is {found.state}: only what was written can be taken back"
    if found.undone_by is not None:
        return f"was taken back by {found.undone_by}"
    return "wrote nothing that could be taken back"


def _keep(
    request: Request,
    caller: Principal,
    exam_code: str,
    kind: ImportKind,
    options: ResponsesUpload | ItemsUpload,
    upload: Upload,
) -> Import:
    """Keeps the file and what is asked for, in one transaction."""
    given = options.model_dump(mode="json", exclude={"file_name"}, exclude_unset=True)
    file = File(options.file_name, upload.size, upload.sha256)
    with change(request, caller) as step:
        if not options.create_exam:
            item_bank.exam(step.conn, exam_code, tenant_id=caller.tenant_id)
        asked = data_requests.create(
            step.conn,
            tenant_id=caller.tenant_id,
            kind=kind,
            exam=exam_code,
            requested_by=caller.user_id,
            options=given,
            file=file,
        )
        data_requests.keep(step.conn, asked.id, "upload", upload.pieces())
        admit(request, step.conn, caller)
        step.audit(
            "import.ask",
            f"exam={exam_code} request={asked.id}",
            kind=kind,
            file=file.name,
            bytes=file.bytes,
            sha256=file.sha256,
            options=given,
        )
    return _shown(asked)


def _accepted(response: Response, asked: Import) -> Import:
    response.headers["location"] = f"/v1/imports/{asked.id}"
    return asked


def _shown(asked: DataRequest) -> Import:
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
