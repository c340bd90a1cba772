"""Tokens for programs: OAuth 2.0 client credentials (RFC 6749 4.4), with the errors of its 5.2.

What never lives here: whether an id and a secret are right (``accounts``).
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final, Literal
from urllib.parse import unquote_plus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from delivery_api.accounts import ASSERTION_TYPE, Credential, OAuthError, OAuthErrorCode
from delivery_api.problems import documented
from delivery_api.queries import StrictRoute, form_fields
from delivery_api.rate_limit import address_of
from delivery_api.services import Services

router = APIRouter(tags=["login"], route_class=StrictRoute)

PATH: Final = "/oauth/token"
_FORM: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 20
_TEXT: Final = {"type": "string"}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            _FORM: {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": _TEXT | {"enum": ["client_credentials"]},
                        "scope": _TEXT | {"description": "some of the account's; all without it"},
                        "client_id": _TEXT,
                        "client_assertion_type": _TEXT | {"enum": [ASSERTION_TYPE]},
                        "client_assertion": _TEXT | {"description": "where it has a key"},
                    },
                }
            }
        },
    }
}


class AccountToken(BaseModel):
    """A token for a program."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  (the scheme's name)
    expires_in: int = Field(description="seconds")
    scope: str = Field(description="names with spaces between them")


class TokenRefusal(BaseModel):
    """Why there is no token (RFC 6749 5.2)."""

    error: OAuthErrorCode
    error_description: str


_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": TokenRefusal, "description": "a request that is not right"},
    401: {"model": TokenRefusal, "description": "an account that is not right"},
}


@router.post(
    PATH,
    summary="A token for a program",
    openapi_extra=_BODY,
    response_model=AccountToken,
    responses=_REFUSALS | documented(413, 422, 429),
)
async def issue_token(request: Request) -> AccountToken | JSONResponse:
    """Signs a token for a service account, by HTTP Basic or a signed assertion."""
    services = Services.of(request)
    services.account_limit.admit(address_of(request))
    basic = request.headers.get("authorization")
    try:
        form = await _form(request)
        credential = await _signed_in(services, basic, form)
        made = services.accounts.token(credential, form.get("scope"))
    except OAuthError as error:
        return _refusal(error)
    return AccountToken(
        access_token=made.token, expires_in=made.seconds, scope=" ".join(made.scopes)
    )


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OAuthError("invalid_request", f"send a body of type {_FORM}")
    try:
        fields = await form_fields(request, _MAX_FIELDS)
    except ValueError as error:
        raise OAuthError("invalid_request", "the body is no form of a few fields") from error
    form = dict(fields)
    if len(form) < len(fields):
        raise OAuthError("invalid_request", "a field is there twice")
    grant = form.get("grant_type")
    if grant is None:
        raise OAuthError("invalid_request", "grant_type is missing: give client_credentials")
    if grant != "client_credentials":
        raise OAuthError("unsupported_grant_type", "the only grant_type is client_credentials")
    # a parameter without a value counts as left out
    return {name: value for name, value in form.items() if value}


async def _signed_in(services: Services, basic: str | None, form: dict[str, str]) -> Credential:
    if "client_secret" in form:
        raise OAuthError("invalid_request", "send the secret by HTTP Basic, not in the body")
    assertion = form.get("client_assertion")
    if basic is not None and assertion is not None:
        raise OAuthError("invalid_request", "sign in by HTTP Basic or by assertion, not by both")
    if assertion is not None:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise OAuthError("invalid_request", f"client_assertion_type is not {ASSERTION_TYPE}")
        return await services.accounts.by_assertion(form.get("client_id"), assertion)
    if basic is None:
        raise OAuthError("invalid_client", "sign in by HTTP Basic or by assertion")
    client_id, secret = _named(basic)
    if form.get("client_id", client_id) != client_id:
        raise OAuthError("invalid_request", "client_id is another than that of the header")
    return await services.accounts.by_secret(client_id, secret)


def _named(header: str) -> tuple[str, str]:
    """Client id and secret of a header; both are form-encoded in it (RFC 6749 2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        client_id, colon, secret = (
            base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
        )
    except (ValueError, binascii.Error) as error:
        raise OAuthError("invalid_client", "Authorization is no HTTP Basic") from error
    if not colon:
        raise OAuthError("invalid_client", "Authorization is no HTTP Basic")
    return unquote_plus(client_id), unquote_plus(secret)


def _refusal(error: OAuthError) -> JSONResponse:
    status = 401 if error.code == "invalid_client" else 400
    headers = {"Pragma": "no-cache"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="qbank"'
    body = TokenRefusal(error=error.code, error_description=str(error))
    return JSONResponse(body.model_dump(), status, headers)
