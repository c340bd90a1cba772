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


async def signed_in(request: Request) -> Principal:
    """The caller of the request, also one who was launched into a single exam.

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


async def authenticated(request: Request) -> Principal:
    """The caller of the request, who may be anybody but one of a single exam.

    Raises:
        ProblemError: 401, 403 or 503.
    """
    return _of_all_exams(await signed_in(request))


def _of_all_exams(caller: Principal) -> Principal:
    if caller.exam_code is not None:
        raise ProblemError(
            403, "forbidden", f"this sign-in is for quizzes of exam {caller.exam_code!r} alone"
        )
    return caller


def meant_exam(caller: Principal, named: str | None) -> str | None:
    """The exam that a request means: whoever was launched into one means that one.

    Raises:
        ProblemError: 403, another is named.
    """
    if caller.exam_code is not None and named not in (None, caller.exam_code):
        _of_all_exams(caller)
    return caller.exam_code or named


class Check:
    """A dependency that lets callers with one of ``roles`` pass; others are answered 403.

    Attributes:
        scope: lets service accounts pass that have it; None: none of them.
        launched: lets those pass who were launched into a single exam.
    """

    def __init__(self, *roles: Role, scope: Scope | None = None, launched: bool = False) -> None:
        self.scope = scope
        self.launched = launched
        self._roles: frozenset[str] = frozenset(roles)
        self._wanted = f"the role {' or '.join(roles)}"
        if scope is not None:
            self._wanted += f", or the scope {scope}"

    async def __call__(self, request: Request) -> Principal:
        """The caller.

        Raises:
            ProblemError: 401, 403 or 503.
        """
        principal = await signed_in(request)
        if not self.launched:
            _of_all_exams(principal)
        if not principal.may(self._roles, self.scope):
            raise ProblemError(403, "forbidden", f"this needs {self._wanted}")
        return principal


# an administrator practises as students do; sittings are students' (``routers.quizzes``)
Taker = Annotated[Principal, Depends(Check("student", "admin", launched=True))]
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
AnyCaller = Annotated[Principal, Depends(signed_in)]
