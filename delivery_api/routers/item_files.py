"""An exam's items as a file, the one that ``qbank export items`` writes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final, Literal, get_args

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from delivery_api.access import Exporter
from delivery_api.changes import reading
from delivery_api.conflicts import refuse_keys_of_open_quizzes
from delivery_api.problems import ProblemError, documented, unavailable
from delivery_api.queries import StrictRoute
from delivery_api.routers.exams import ExamPath
from delivery_api.services import Services
from delivery_api.tokens import Principal
from qbank.stores import item_bank

if TYPE_CHECKING:  # Arrow is loaded where it is wanted: it costs every start
    from qbank.exporting.items import Form

router = APIRouter(
    prefix="/v1/exams",
    tags=["authoring"],
    responses=documented(401, 403, 422, 503),
    route_class=StrictRoute,
)

Format = Literal["csv", "gift", "qti", "parquet"]
# how it is written, and the ending of its name
_FORMATS: Final[dict[Format, tuple[Form, str]]] = {
    "csv": ("table", "csv"),
    "gift": ("gift", "gift"),
    "qti": ("qti", "zip"),
    "parquet": ("table", "parquet"),
}
_MEDIA_TYPE: Final = "application/octet-stream"
_PIECE: Final = 262_144
_COUNT: Final = {"schema": {"type": "integer"}}
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "the file",
        "content": {_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        "headers": {
            "X-Items": _COUNT | {"description": "items in the file"},
            "X-Items-Left-Out": _COUNT | {"description": "items that the format cannot hold"},
        },
    }
}
# items and file are whole in memory while one is made, so that a process makes one at a time
_making = Lock()


@router.get(
    "/{exam_code}/items",
    summary="An exam's items as a file",
    response_class=StreamingResponse,
    responses=_FILE | documented(404, 409),
)
def export_items(
    exam_code: ExamPath,
    caller: Exporter,
    request: Request,
    format: Annotated[
        Format, Query(description=f"{', '.join(get_args(Format)[:-1])} or {get_args(Format)[-1]}")
    ] = "csv",
) -> StreamingResponse:
    """Each item with its key, parameters, statistics and exposure, as ``qbank export items``.

    ``qbank import items`` reads every format. A process makes one file at a time, and none of more
    items than ``QBANK_API_EXPORT_ITEMS``.
    """
    form, ending = _FORMATS[format]
    with _alone():
        file, headers = _made(request, caller, exam_code, form, as_parquet=ending == "parquet")
    headers["content-disposition"] = f'attachment; filename="{exam_code}.{ending}"'
    return StreamingResponse(_pieces(file), media_type=_MEDIA_TYPE, headers=headers)


def _made(
    request: Request, caller: Principal, exam_code: str, form: Form, *, as_parquet: bool
) -> tuple[BinaryIO, dict[str, str]]:
    """The file, which has no name and goes with its last reader, and what is told of it."""
    from qbank.exporting.items import read_items, write_items

    most = Services.of(request).api.api_export_items
    with reading(request, caller) as conn:
        exam = item_bank.exam(conn, exam_code, tenant_id=caller.tenant_id)
        rows = read_items(conn, exam, at_most=most + 1)
        if len(rows) > most:
            raise ProblemError(
                422,
                "too-many-items",
                f"exam {exam_code} has more than {most} items: raise QBANK_API_EXPORT_ITEMS, or"
                " write the file with `qbank export items`",
            )
        if not rows:
            raise ProblemError(404, "not-found", f"exam {exam_code} has no items")
        refuse_keys_of_open_quizzes(conn, caller, *(row["question_id"] for row in rows))
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  (the reply closes it)
    try:
        done = write_items(rows, file, exam, form, as_parquet=as_parquet)
        size = file.seek(0, 2)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    told = {"content-length": size, "x-items": done.rows, "x-items-left-out": len(done.left_out)}
    return file, {name: str(value) for name, value in told.items()}


@contextmanager
def _alone() -> Iterator[None]:
    if not _making.acquire(blocking=False):
        raise unavailable("another file of items is being made: try again")
    try:
        yield
    finally:
        _making.release()


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
