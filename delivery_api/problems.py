"""Errors as RFC 9457 problem details: one shape, whoever raises.

What never lives here: decisions about what is an error.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from delivery_api.exam_codes import in_codes
from qbank.errors import RequestError
from qbank.stores import ConflictError, InvalidValueError, NotFoundError

MEDIA_TYPE = "application/problem+json"
# a lock or statement timeout; the connection is as good as before
TIMED_OUT = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled)


class FieldError(BaseModel):
    """One field of a request that is wrong."""

    field: str = Field(description="where it stands, e.g. `body.filters.num_questions`")
    message: str


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:qbank:problem:not-found",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "quiz 7f0c… does not exist",
                    "request_id": "5d1b0c6a9f2e4a10",
                }
            ]
        }
    )

    type: str = Field(description="what kind of error, stable: `urn:qbank:problem:<kind>`")
    title: str = Field(description="the HTTP status in words")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what is wrong here, with the value and the remedy")
    request_id: str | None = Field(default=None, description="finds the request in the logs")
    errors: list[FieldError] | None = Field(default=None, description="wrong fields, on 422")
    quiz_id: str | None = Field(default=None, description="the open quiz that stands in the way")


class ProblemError(Exception):
    """An error to answer with.

    Attributes:
        status: HTTP status.
        kind: stable last part of the problem's type.
        detail: names the thing, the value and the remedy.
        quiz_id: the open quiz that stands in the way.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        headers: dict[str, str] | None = None,
        *,
        quiz_id: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = headers
        self.quiz_id = quiz_id


def not_found(what: str) -> ProblemError:
    """404, the same whether the thing is absent or somebody else's."""
    return ProblemError(404, "not-found", f"{what} does not exist")


def unavailable(detail: str) -> ProblemError:
    """503 with a hint when to come again."""
    return ProblemError(503, "unavailable", detail, {"Retry-After": "2"})


def database_away(error: psycopg.Error) -> ProblemError:
    """503 where Postgres did not do its work; the same whichever pool was asked."""
    if isinstance(error, TIMED_OUT):
        return unavailable("the database is busy, a statement waited too long: try again")
    return unavailable("the database does not answer: try again")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of the errors that a route answers with."""
    return {status: _entry(status) for status in statuses}


def _entry(status: int) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
    if status in (429, 503):
        entry["headers"] = {
            "Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}
        }
    return entry


def problem(
    request_id: str | None,
    status: int,
    kind: str,
    detail: str,
    *,
    errors: list[FieldError] | None = None,
    quiz_id: str | None = None,
) -> ProblemDetails:
    """The body of a problem."""
    return ProblemDetails(
        type=f"urn:qbank:problem:{kind}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        request_id=request_id,
        errors=errors,
        quiz_id=quiz_id,
    )


def render(
    request_id: str | None,
    status: int,
    kind: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """The response of a problem; ``more`` is as for :func:`problem`."""
    told = in_codes(detail)
    body = problem(request_id, status, kind, told, **more).model_dump(exclude_none=True)
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)


async def _problem(request: Request, error: ProblemError) -> JSONResponse:
    return render(
        _request_id(request),
        error.status,
        error.kind,
        error.detail,
        quiz_id=error.quiz_id,
        headers=error.headers,
    )


async def _http(request: Request, error: HTTPException) -> JSONResponse:
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    headers = dict(error.headers) if error.headers else None
    if error.status_code == 413:  # its phrase is another one from Python 3.13 on
        kind = "content-too-large"
    return render(_request_id(request), error.status_code, kind, str(error.detail), headers=headers)


async def _validation(request: Request, error: RequestValidationError) -> JSONResponse:
    wrong = [
        FieldError(
            field=".".join(str(part) for part in item["loc"]),
            message=item["msg"].removeprefix("Value error, "),
        )
        for item in error.errors()
    ]
    detail = f"{wrong[0].field}: {wrong[0].message}" if wrong else "the request is malformed"
    return render(_request_id(request), 422, "invalid-request", detail, errors=wrong)


async def _not_found(request: Request, error: NotFoundError) -> JSONResponse:
    return render(_request_id(request), 404, "not-found", str(error))


async def _conflict(request: Request, error: ConflictError) -> JSONResponse:
    return render(_request_id(request), 409, "conflict", str(error))


async def _invalid(request: Request, error: InvalidValueError) -> JSONResponse:
    return render(_request_id(request), 422, "invalid-value", str(error))


async def _wrong_request(request: Request, error: RequestError) -> JSONResponse:
    return render(_request_id(request), 422, "invalid-request", str(error))


async def _unstorable(request: Request, error: psycopg.DataError) -> JSONResponse:
    detail = f"Postgres cannot keep a value of this request ({error.diag.message_primary or error})"
    return render(_request_id(request), 422, "invalid-value", detail)


async def _database_away(request: Request, error: psycopg.Error) -> JSONResponse:
    return await _problem(request, database_away(error))


def install(app: FastAPI) -> None:
    """Makes every error of the app a problem."""
    for kind, handler in (
        (ProblemError, _problem),
        (HTTPException, _http),
        (RequestValidationError, _validation),
        (NotFoundError, _not_found),
        (ConflictError, _conflict),
        (InvalidValueError, _invalid),
        (RequestError, _wrong_request),
        (psycopg.DataError, _unstorable),
        (psycopg.OperationalError, _database_away),
        (psycopg.InterfaceError, _database_away),
        (psycopg.errors.IdleInTransactionSessionTimeout, _database_away),
    ):
        app.add_exception_handler(kind, handler)  # type: ignore[arg-type]  # handlers of one kind each
