"""Signing in. What never lives here: what a role may do."""

from __future__ import annotations

from typing import Any

from qbank_console.api.client import Api


def caller(api: Api) -> dict[str, Any]:
    """Whom the API takes the token to be of, in which tenant, with which roles and until when.

    Raises:
        ApiError: 401, it does not accept the token.
        ApiUnavailableError: the API does not answer.
    """
    found: dict[str, Any] = api.get("/me")
    return found


def launch_token(api: Api, code: str) -> str:
    """The token of somebody whom a learning platform launched; a code is good once.

    Raises:
        ApiError: 401, it was used or is too old.
        ApiUnavailableError: the API does not answer.
    """
    return str(api.post("/auth/launch", {"code": code})["access_token"])


def mock_login(api: Api, user_id: str, roles: list[str], tenant_id: str) -> str:
    """A token from the API's mock login, which exists in development alone.

    Raises:
        ApiError: 404 outside development, 422 for a name that cannot be.
    """
    body = {"user_id": user_id, "roles": roles, "tenant_id": tenant_id}
    return str(api.post("/auth/mock-login", body)["access_token"])
