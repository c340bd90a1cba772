"""What the API asks of the owner: how that is answered, and files that are kept of it.

What never lives here: what is asked for (``routers.imports``, ``routers.people``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from fastapi.responses import StreamingResponse

from delivery_api.changes import reading
from delivery_api.tokens import Principal
from qbank.stores import data_requests
from qbank.vocabulary import DataRequestFile

_MEDIA_TYPES: Final = {"csv": "text/csv", "json": "application/json"}
ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {
    202: {
        "headers": {
            "Location": {"description": "where to look", "schema": {"type": "string"}},
        }
    }
}
"""What OpenAPI says of a change that is made later."""


def kept_file(
    request: Request, caller: Principal, request_id: UUID, what: DataRequestFile, ending: str
) -> StreamingResponse:
    """A file that is kept beside a request, piece by piece."""

    def pieces() -> Iterator[bytes]:
        # a connection a piece: who reads slowly keeps none
        for position in range(1 << 31):
            with reading(request, caller) as conn:
                piece = data_requests.piece(conn, request_id, what, position)
            if piece is None:
                return
            yield piece

    return StreamingResponse(
        pieces(),
        media_type=_MEDIA_TYPES[ending],
        headers={"content-disposition": f'attachment; filename="{request_id}.{what}.{ending}"'},
    )
