"""What the API asks of the owner: how much of it may wait, and files that are kept of it.

What never lives here: what is asked for (``routers.imports``, ``people``, ``reports``,
``comparisons``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from fastapi.responses import StreamingResponse

from delivery_api.changes import Change, reading
from delivery_api.problems import ProblemError
from delivery_api.services import Services
from delivery_api.tokens import Principal
from qbank.postgres import Connection
from qbank.stores import data_request_files, data_requests, turns
from qbank.stores.data_requests import DataRequest
from qbank.vocabulary import DataRequestFile, DataRequestKind

_MEDIA_TYPES: Final = {"csv": "text/csv", "json": "application/json"}
# the daemon looks every five seconds, and a request takes it seconds to minutes
_COME_AGAIN_S: Final = 30
ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {
    202: {
        "headers": {
            "Location": {"description": "where to look", "schema": {"type": "string"}},
        }
    }
}
"""What OpenAPI says of a change that is made later."""


def ask(
    request: Request,
    step: Change,
    kind: DataRequestKind,
    *,
    exam: str | None = None,
    person: str | None = None,
    options: Mapping[str, Any] | None = None,
    undoes: UUID | None = None,
) -> DataRequest:
    """Asks for what needs no file; see `data_requests.create` for what it is of.

    Raises:
        ProblemError: 429, the tenant has too much waiting.
    """
    asked = data_requests.create(
        step.conn,
        tenant_id=step.caller.tenant_id,
        kind=kind,
        exam=exam,
        person=person,
        requested_by=step.caller.user_id,
        options=options,
        undoes=undoes,
    )
    admit(request, step.conn, step.caller)
    return asked


def admit(request: Request, conn: Connection, caller: Principal) -> None:
    """Lets in what was just added, where its tenant has not too much waiting.

    Args:
        request: the request.
        conn: in the transaction that added it, which is to end soon: others of the tenant wait.
        caller: who asks.

    Raises:
        ProblemError: 413 its file is more than a tenant may have waiting, 429 with others it is.
    """
    turns.take(conn, f"requests of {caller.tenant_id}", wait=True)
    _refuse_more(request, *data_requests.waiting(conn, caller.tenant_id), 0)


def refuse_surplus(request: Request, conn: Connection, caller: Principal, size: int) -> None:
    """Refuses a file before it comes in; what else comes in meanwhile, :func:`admit` sees.

    Raises:
        ProblemError: as :func:`admit`.
    """
    count, kept = data_requests.waiting(conn, caller.tenant_id)
    _refuse_more(request, count + 1, kept + size, size)


def _refuse_more(request: Request, count: int, kept: int, size: int) -> None:
    api = Services.of(request).api
    most = api.api_tenant_upload_bytes
    if size > most:
        detail = f"files of a tenant that wait have at most {most} bytes, and this one has {size}"
        raise ProblemError(413, "content-too-large", f"{detail}: send it in parts")
    if count > api.api_tenant_requests:
        raise _too_much(f"{api.api_tenant_requests} requests of this tenant wait")
    if kept > most:
        raise _too_much(f"files of this tenant, at most {most} bytes together, wait")


def _too_much(what: str) -> ProblemError:
    return ProblemError(
        429,
        "too-many-requests",
        f"{what} to be carried out: send this again when some of them are",
        {"Retry-After": str(_COME_AGAIN_S)},
    )


def kept_file(
    request: Request, caller: Principal, request_id: UUID, what: DataRequestFile, ending: str
) -> StreamingResponse:
    """A file that is kept beside a request, piece by piece."""

    def pieces() -> Iterator[bytes]:
        # a connection a piece: who reads slowly keeps none
        for position in range(1 << 31):
            with reading(request, caller) as conn:
                piece = data_request_files.piece(conn, request_id, what, position)
            if piece is None:
                return
            yield piece

    return StreamingResponse(
        pieces(),
        media_type=_MEDIA_TYPES[ending],
        headers={"content-disposition": f'attachment; filename="{request_id}.{what}.{ending}"'},
    )
