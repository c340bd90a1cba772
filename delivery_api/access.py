"""Who may do what: the caller of a request, and the roles that a route asks for.

What never lives here: how a token is checked (``tokens``), and whose row is whose (the queries).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from delivery_api.keys import KeysUnavailableError
from delivery_api.problems import ProblemError, unavailable
from delivery_api.services import Services
from delivery_api.tokens import Principal, TokenError
from qbank.vocabulary import Role

# documents the scheme in OpenAPI; the header itself is read below, once
bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="`Authorization: Bearer …`")


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(401, "unauthorized", detail, {"WWW-Authenticate": "Bearer"})


async def authenticated(request: Request) -> Principal:
    """The caller of the request.

    Raises:
        ProblemError: 401 without an acceptable token, 503 where that cannot be told now.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unauthorized("send a token: `Authorization: Bearer …`")
    try:
        principal = await Services.of(request).tokens.principal(token.strip())
    except TokenError as error:
        raise _unauthorized(str(error)) from error
    except KeysUnavailableError as error:  # a good token must not be called a bad one
        raise unavailable(str(error)) from error
    request.state.principal = principal
    return principal


def require(*roles: Role) -> Callable[[Request], Coroutine[Any, Any, Principal]]:
    """A dependency that lets callers with one of ``roles`` pass; others are answered 403."""
    allowed: frozenset[str] = frozenset(roles)
    wanted = " or ".join(roles)

    async def check(request: Request) -> Principal:
        principal = await authenticated(request)
        if allowed.isdisjoint(principal.roles):
            raise ProblemError(403, "forbidden", f"this needs the role {wanted}")
        return principal

    return check


Student = Annotated[Principal, Depends(require("student"))]
Author = Annotated[Principal, Depends(require("author", "admin"))]
Reviewer = Annotated[Principal, Depends(require("reviewer", "admin"))]
Publisher = Annotated[Principal, Depends(require("publisher", "admin"))]
Editor = Annotated[Principal, Depends(require("author", "reviewer", "publisher", "admin"))]
Admin = Annotated[Principal, Depends(require("admin"))]
Analyst = Annotated[Principal, Depends(require("analyst", "admin"))]
AnyRole = Annotated[Principal, Depends(authenticated)]
