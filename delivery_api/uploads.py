"""Bodies that are files: which requests have them, and how one comes in without filling memory.

A file goes to disk piece by piece, to a file that has no name: nothing is left of it where the
process ends. What never lives here: what is made of it.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from delivery_api.asking import refuse_surplus
from delivery_api.changes import reading
from delivery_api.idempotency import ChangeRoute, Claim
from delivery_api.problems import ProblemError, unavailable
from delivery_api.services import Services
from delivery_api.tokens import Principal
from qbank.stores.data_request_files import PIECE, pieces_of
from qbank.wording import listed

_PATH: Final = re.compile(r"/v1/exams/[^/]+/imports(/items|/keyed)?")
BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "the file itself, packed or not",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""What OpenAPI says of such a body."""
_FILE: Final = {"type": "string", "format": "binary"}
FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "key"],
                    "properties": {
                        "file": _FILE | {"description": "the file, packed or not"},
                        "key": _FILE | {"description": "the file of keys: `item,key`"},
                    },
                }
            }
        },
    }
}
"""The same of a form with two files."""


def is_upload(scope: Mapping[str, Any]) -> bool:
    """Whether the body of a request is a file, which may be large and take its time."""
    return scope["method"] == "POST" and _PATH.fullmatch(scope["path"]) is not None


class UploadRoute(ChangeRoute):
    """A route whose body is a file: its fingerprint is made as it comes (:meth:`Claim.extend`)."""

    async def asked(self, request: Request) -> bytes:
        """Nothing of the body, which is not whole yet."""
        return b""


@dataclass(frozen=True)
class Upload:
    """A file that came.

    Attributes:
        file: at its beginning.
    """

    file: BinaryIO
    size: int
    sha256: str

    def pieces(self) -> Iterator[bytes]:
        """The file, one piece after the other."""
        return pieces_of(self.file)


@asynccontextmanager
async def received(request: Request, caller: Principal) -> AsyncIterator[Upload]:
    """The body as a file, which is gone at the end.

    Raises:
        ProblemError: 422 there is no body, or it is a form; 413 or 429 its tenant has too much
            waiting; 503 others send files, or the disk is full.
    """
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise _wrong_body("send the file itself, not a form (curl: --data-binary)")
    async with _place(request, caller):
        with tempfile.TemporaryFile() as file:
            upload = await _to_disk(request, file)
            _extend_claim(request, upload)
            yield upload


@asynccontextmanager
async def received_with_key(
    request: Request, caller: Principal
) -> AsyncIterator[tuple[Upload, Upload]]:
    """The files ``file`` and ``key`` of a form, which are gone at the end.

    Raises:
        ProblemError: as :func:`received`; 422 the body is no such form.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise _wrong_body("send a form with the files `file` and `key` (curl: -F file=@…)")
    async with _place(request, caller), AsyncExitStack() as until_the_end:
        try:
            form = await until_the_end.enter_async_context(request.form(max_files=2, max_fields=0))
        except HTTPException as error:
            if error.status_code != 400:  # the body is too long
                raise
            raise _wrong_body(f"{error.detail} Send the files `file` and `key`") from error
        except OSError as error:
            raise _not_kept(error) from error
        parts = dict(form.multi_items())
        if {*parts} != {"file", "key"}:
            raise _wrong_body(
                f"it has {listed(list(parts), 3) or 'nothing'}: send the files `file` and `key`"
            )
        files = [await run_in_threadpool(_measured, parts[name]) for name in ("file", "key")]
        _extend_claim(request, *files)
        yield files[0], files[1]


@asynccontextmanager
async def _place(request: Request, caller: Principal) -> AsyncIterator[None]:
    """One of the places where files are received."""
    services = Services.of(request)
    tenant = caller.tenant_id
    _refuse_another(services, tenant)
    services.uploads[tenant] += 1
    try:
        # before anything of it comes in
        await run_in_threadpool(_refuse_surplus, request, caller)
        yield
    finally:
        services.uploads[tenant] -= 1
        services.uploads += Counter()  # of tenants that have none nothing stays


def _refuse_another(services: Services, tenant: str) -> None:
    most, all_of_them = services.api.api_max_uploads, services.uploads.total()
    if all_of_them >= most:
        raise unavailable(f"{all_of_them} files are being sent already: try again")
    if (theirs := services.uploads[tenant]) >= max(most // 2, 1):
        raise ProblemError(
            429,
            "too-many-requests",
            f"{theirs} files of this tenant are being sent already: send this one after them",
            {"Retry-After": "2"},
        )


def _refuse_surplus(request: Request, caller: Principal) -> None:
    told = request.headers.get("content-length", "")
    with reading(request, caller) as conn:
        refuse_surplus(request, conn, caller, int(told) if told.isdecimal() else 0)


async def _to_disk(request: Request, file: BinaryIO) -> Upload:
    digest, size, waiting = hashlib.sha256(), 0, bytearray()

    def write() -> None:
        digest.update(waiting)
        file.write(waiting)
        waiting.clear()

    try:
        async for piece in request.stream():
            waiting += piece
            size += len(piece)
            if len(waiting) >= PIECE:
                await run_in_threadpool(write)
        write()
        file.seek(0)
    except OSError as error:
        raise _not_kept(error) from error
    if not size:
        raise _wrong_body("it is empty, and should be the file")
    return Upload(file, size, digest.hexdigest())


def _measured(part: UploadFile | str) -> Upload:
    assert isinstance(part, UploadFile)  # noqa: S101  (a form without fields)
    digest, size = hashlib.sha256(), 0
    for piece in pieces_of(part.file):
        digest.update(piece)
        size += len(piece)
    part.file.seek(0)
    if not size:
        raise _wrong_body("one of its files is empty")
    return Upload(part.file, size, digest.hexdigest())


def _extend_claim(request: Request, *files: Upload) -> None:
    claim: Claim | None = getattr(request.state, "claim", None)
    if claim is not None:
        for file in files:
            claim.extend(file.sha256)


def _wrong_body(why: str) -> ProblemError:
    return ProblemError(422, "invalid-request", f"body: {why}")


def _not_kept(error: OSError) -> ProblemError:
    return unavailable(f"the file cannot be kept here ({error.strerror}): try again")
