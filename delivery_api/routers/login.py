"""Who is signed in; and mock login: tokens for anyone who asks, in development alone."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from delivery_api.access import AnyCaller
from delivery_api.fields import Body, Name
from delivery_api.problems import documented
from delivery_api.queries import StrictRoute
from delivery_api.rate_limit import address_of
from delivery_api.services import Services
from qbank.vocabulary import Role, Scope

me = APIRouter(
    prefix="/v1/me", tags=["login"], responses=documented(401, 403, 422), route_class=StrictRoute
)
router = APIRouter(
    prefix="/v1/auth", tags=["login"], responses=documented(422, 429), route_class=StrictRoute
)

TOKEN_SECONDS = 8 * 3600


class MockLogin(Body):
    """Who to be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"user_id": "student-1", "roles": ["student"], "tenant_id": "demo"}]
        }
    )

    user_id: Name
    roles: Annotated[list[Role], Field(min_length=1, max_length=6)]
    tenant_id: Name = "demo"


class Token(BaseModel):
    """A bearer token."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  (the scheme's name)
    expires_in: int = Field(description="seconds")
    roles: list[Role]


class Caller(BaseModel):
    """Who calls."""

    user_id: str
    tenant_id: str
    roles: list[Role] = Field(description="those that the API knows, by name")
    scopes: list[Scope] = Field(description="of a service account")
    expires_at: float = Field(description="Unix time at which the token ends")


@me.get("", summary="Who am I")
async def read_caller(caller: AnyCaller) -> Caller:
    """What the API takes the token to say, whichever claims its issuer says it in."""
    return Caller(
        user_id=caller.user_id,
        tenant_id=caller.tenant_id,
        roles=[role for role in get_args(Role) if role in caller.roles],
        scopes=[scope for scope in get_args(Scope) if scope in caller.scopes],
        expires_at=caller.expires_at,
    )


@router.post("/mock-login", summary="A token for anyone (development only)")
async def mock_login(body: MockLogin, request: Request) -> Token:
    """Signs a token for the user, roles and tenant given; absent outside `QBANK_ENV=dev`."""
    services = Services.of(request)
    services.login_limit.admit(address_of(request))
    token = services.tokens.issue(body.user_id, list(body.roles), body.tenant_id, TOKEN_SECONDS)
    return Token(access_token=token, expires_in=TOKEN_SECONDS, roles=body.roles)
