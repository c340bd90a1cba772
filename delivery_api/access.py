"""Who may do what: the caller of a request, and the roles that a route asks for.

What never lives here: how a token is checked (``tokens``), and whose row is whose (the queries).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from delivery_api.keys import KeysUnavailableError
from delivery_api.problems import ProblemError, unavailable
from delivery_api.services import Services
from delivery_api.tokens import Principal, TokenError
from qbank.vocabulary import Role, Scope

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
    services = Services.of(request)
    try:
        principal = await services.tokens.principal(token.strip())
        if principal.credential is not None:
            await services.accounts.refuse_ended(principal)
    except TokenError as error:
        raise _unauthorized(str(error)) from error
    except KeysUnavailableError as error:  # a good token must not be called a bad one
        raise unavailable(str(error)) from error
    request.state.principal = principal
    return principal


class Check:
    """A dependency that lets callers with one of ``roles`` pass; others are answered 403.

    Attributes:
        scope: lets service accounts pass that have it; None: none of them.
    """

    def __init__(self, *roles: Role, scope: Scope | None = None) -> None:
        self.scope = scope
        self._roles: frozenset[str] = frozenset(roles)
        self._wanted = f"the role {' or '.join(roles)}"
        if scope is not None:
            self._wanted += f", or the scope {scope}"

    async def __call__(self, request: Request) -> Principal:
        """The caller.

        Raises:
            ProblemError: 401, 403 or 503.
        """
        principal = await authenticated(request)
        if not principal.may(self._roles, self.scope):
            raise ProblemError(403, "forbidden", f"this needs {self._wanted}")
        return principal


# an administrator practises as students do; sittings are students' (``routers.quizzes``)
Taker = Annotated[Principal, Depends(Check("student", "admin"))]
Author = Annotated[Principal, Depends(Check("author", "admin"))]
Reviewer = Annotated[Principal, Depends(Check("reviewer", "admin"))]
Publisher = Annotated[Principal, Depends(Check("publisher", "admin"))]
Editor = Annotated[Principal, Depends(Check("author", "reviewer", "publisher", "admin"))]
Admin = Annotated[Principal, Depends(Check("admin"))]
Importer = Annotated[Principal, Depends(Check("admin", scope="imports"))]
Exporter = Annotated[
    Principal, Depends(Check("author", "reviewer", "publisher", "admin", scope="exports"))
]
ExamReader = Annotated[Principal, Depends(Check("analyst", "admin", scope="exams"))]
ExamEditor = Annotated[
    Principal, Depends(Check("author", "reviewer", "publisher", "admin", scope="exams"))
]
ExamAdmin = Annotated[Principal, Depends(Check("admin", scope="exams"))]
Observer = Annotated[Principal, Depends(Check("analyst", "admin", scope="results"))]
Analyst = Annotated[Principal, Depends(Check("analyst", "admin"))]
AnyRole = Annotated[Principal, Depends(authenticated)]
