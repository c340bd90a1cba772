"""``Idempotency-Key`` on changes (draft-ietf-httpapi-idempotency-key-header).

The key is taken in the change's own transaction, so a change is made once or not at all. Its reply
is kept afterwards; where the process ends in between, the same request again is told that it was
carried out. What never lives here: quizzes, whose steps are idempotent by themselves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from delivery_api.problems import ProblemError
from delivery_api.queries import StrictRoute
from delivery_api.services import Services
from delivery_api.tokens import Principal
from qbank.postgres import Connection
from qbank.stores import idempotency

PATTERN: Final = r"^[A-Za-z0-9._-]{8,128}$"
_SAFE: Final = {"GET", "HEAD", "OPTIONS"}


class RepeatedError(Exception):
    """The request was carried out before; it carries the reply of that time."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(status)
        self.response = Response(body, status, media_type="application/json" if body else None)


@dataclass
class Claim:
    """A request's key.

    Attributes:
        is_taken: whether its change was made.
    """

    key: str
    fingerprint: str
    is_taken: bool = False

    def extend(self, digest: str) -> None:
        """Takes into the fingerprint what came after the request's head."""
        self.fingerprint = hashlib.sha256(f"{self.fingerprint}{digest}".encode()).hexdigest()

    def take(self, conn: Connection, caller: Principal) -> None:
        """Takes the key for the transaction of the change.

        Raises:
            RepeatedError: the same request was carried out.
            ProblemError: 422 the key was used for another request; 409 the reply was not kept.
        """
        if self.is_taken:  # the second transaction of one request
            return
        before = idempotency.claim(
            conn, caller.tenant_id, caller.user_id, self.key, self.fingerprint
        )
        if before is None:
            self.is_taken = True
            return
        if before.fingerprint != self.fingerprint:
            raise ProblemError(
                422,
                "idempotency-key-reused",
                f"Idempotency-Key {self.key} was used for another request: use a new key",
            )
        if before.status is None or before.body is None:
            raise ProblemError(
                409,
                "reply-lost",
                f"the request with Idempotency-Key {self.key} was carried out, but its reply was"
                " not kept: read what is there now",
            )
        raise RepeatedError(before.status, before.body)


class ChangeRoute(StrictRoute):
    """A route that carries out an unsafe request with an idempotency key once."""

    async def asked(self, request: Request) -> bytes:
        """What a request asks for, beside its address."""
        return await request.body()

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, which answers the same request with the same reply."""
        answer = super().get_route_handler()
        if (self.methods or set()) <= _SAFE:
            return answer

        async def once(request: Request) -> Response:
            key = request.headers.get("idempotency-key")
            if key is None:
                return await answer(request)
            claim = _claim(request, key, await self.asked(request))
            request.state.claim = claim
            try:
                response = await answer(request)
            except RepeatedError as before:
                return before.response
            if claim.is_taken:
                await run_in_threadpool(_keep, request, claim, response)
            return response

        return once


def _claim(request: Request, key: str, body: bytes) -> Claim:
    if not re.fullmatch(PATTERN, key):
        raise ProblemError(
            422,
            "invalid-request",
            "header.Idempotency-Key: give 8 to 128 letters, digits, dots, dashes or underscores",
        )
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return Claim(key, hashlib.sha256(asked + body).hexdigest())


def _keep(request: Request, claim: Claim, response: Response) -> None:
    caller: Principal = request.state.principal
    with Services.of(request).database.transaction(caller.tenant_id) as conn:
        body = bytes(response.body).decode()
        idempotency.keep_reply(
            conn, caller.tenant_id, caller.user_id, claim.key, response.status_code, body
        )
