"""Imports by upload: a file of responses or items is sent, and kept for the daemon.

What never lives here: what becomes of it (``imports``).
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, Field, field_validator
from starlette.concurrency import run_in_threadpool

from delivery_api.access import Importer
from delivery_api.asking import ACCEPTED, admit
from delivery_api.changes import change
from delivery_api.problems import ProblemError, documented
from delivery_api.routers.exams import ExamPath
from delivery_api.routers.imports import Import, accepted, shown
from delivery_api.tokens import Principal
from delivery_api.uploads import BODY, FORM, Upload, UploadRoute, received, received_with_key
from qbank.requests.imports import ItemsImport, ResponsesImport
from qbank.stores import data_request_files, data_requests, item_bank
from qbank.stores.data_requests import File
from qbank.vocabulary import ImportKind

_NAME_BYTES: Final = 200

router = APIRouter(
    prefix="/v1/exams",
    tags=["imports"],
    responses=documented(401, 403, 404, 422, 503),
    route_class=UploadRoute,
)


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


class KeyedUpload(ResponsesUpload):
    """How a file of responses is read that comes with its file of keys."""

    key_name: FileName = "key"


class ItemsUpload(ItemsImport):
    """How a file of items is read, and what is done with it."""

    file_name: FileName = "items"


@router.post(
    "/{exam_code}/imports",
    status_code=202,
    summary="Import responses",
    openapi_extra=BODY,
    responses=ACCEPTED | documented(413, 429),
)
async def import_responses(
    exam_code: ExamPath,
    options: Annotated[ResponsesUpload, Query()],
    caller: Importer,
    request: Request,
    response: Response,
) -> Import:
    """Takes the file, which the orchestrator imports as ``qbank import responses`` does.

    The body is the file. With ``dry_run`` nothing is written, and the report says what would be.
    """
    _refuse_new_exam(options, caller)
    async with received(request, caller) as upload:
        asked = partial(_keep, request, caller, exam_code, "responses", options, upload)
        return accepted(response, await run_in_threadpool(asked))


@router.post(
    "/{exam_code}/imports/keyed",
    status_code=202,
    summary="Import responses with their key",
    openapi_extra=FORM,
    responses=ACCEPTED | documented(413, 429),
)
async def import_keyed_responses(
    exam_code: ExamPath,
    options: Annotated[KeyedUpload, Query()],
    caller: Importer,
    request: Request,
    response: Response,
) -> Import:
    """Takes a form of two files, imported as ``qbank import responses --key FILE`` does."""
    _refuse_new_exam(options, caller)
    async with received_with_key(request, caller) as (upload, key):
        asked = partial(_keep, request, caller, exam_code, "responses", options, upload, key)
        return accepted(response, await run_in_threadpool(asked))


@router.post(
    "/{exam_code}/imports/items",
    status_code=202,
    summary="Import items",
    openapi_extra=BODY,
    responses=ACCEPTED | documented(413, 429),
)
async def import_items(
    exam_code: ExamPath,
    options: Annotated[ItemsUpload, Query()],
    caller: Importer,
    request: Request,
    response: Response,
) -> Import:
    """Takes the file, which the orchestrator imports as ``qbank import items`` does.

    The body is the file. With ``dry_run`` nothing is written, and the report says what would be.
    """
    _refuse_new_exam(options, caller)
    async with received(request, caller) as upload:
        asked = partial(_keep, request, caller, exam_code, "items", options, upload)
        return accepted(response, await run_in_threadpool(asked))


def _refuse_new_exam(options: ResponsesUpload | ItemsUpload, caller: Principal) -> None:
    if options.create_exam and not caller.may(("admin",), "exams"):
        raise ProblemError(403, "forbidden", "create_exam needs the scope exams besides imports")


def _keep(
    request: Request,
    caller: Principal,
    exam_code: str,
    kind: ImportKind,
    options: ResponsesUpload | ItemsUpload,
    upload: Upload,
    key: Upload | None = None,
) -> Import:
    """Keeps the file and what is asked for, in one transaction."""
    given = options.model_dump(mode="json", exclude={"file_name", "key_name"}, exclude_unset=True)
    file = File(options.file_name, upload.size, upload.sha256)
    keys = None
    if isinstance(options, KeyedUpload) and key is not None:
        keys = File(options.key_name, key.size, key.sha256)
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
            key=keys,
        )
        data_request_files.keep(step.conn, asked.id, "upload", upload.pieces())
        if key is not None:
            data_request_files.keep(step.conn, asked.id, "key", key.pieces())
        admit(request, step.conn, caller)
        step.audit(
            "import.ask",
            f"exam={exam_code} request={asked.id}",
            kind=kind,
            file=file.name,
            bytes=file.bytes,
            sha256=file.sha256,
            key_sha256=keys and keys.sha256,
            options=given,
        )
    return shown(asked)
