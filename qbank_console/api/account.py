"""Signing in. What never lives here: what a role may do."""

from __future__ import annotations

from qbank_console.api.client import Api


def check(api: Api) -> None:
    """Asks the API, in the cheapest way that every role may, whether it accepts the token.

    Raises:
        ApiError: 401, it does not.
        ApiUnavailableError: the API does not answer.
    """
    api.get("/author/topics", page_size=1)


def mock_login(api: Api, user_id: str, roles: list[str], tenant_id: str) -> str:
    """A token from the API's mock login, which exists in development alone.

    Raises:
        ApiError: 404 outside development, 422 for a name that cannot be.
    """
    body = {"user_id": user_id, "roles": roles, "tenant_id": tenant_id}
    return str(api.post("/auth/mock-login", body)["access_token"])
