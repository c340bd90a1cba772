"""The few requests that a push makes to Metabase's REST API.

Belongs here: HTTP, sign-in, retries, and errors in Metabase's own words. Never here: what the
content means. A request that may have been carried out already is not sent twice: reads and PUTs
(which state the whole result) are retried, a POST only where nothing can have arrived.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from qbank_metabase.errors import ApiError
from qbank_metabase.settings import MetabaseSettings

_BUSY = {429, 503}
_GATEWAY = {502, 504}
_LONGEST_REASON = 500
_ATTEMPTS = 4

Json = dict[str, Any]


class MetabaseClient:
    """A signed-in connection; use it as a context manager.

    Args:
        base_url: Address of Metabase.
        timeout_seconds: Longest wait for one answer.
        wait_seconds: First pause before a request is tried again; later ones are longer.
    """

    def __init__(
        self,
        base_url: str,
        timeout_seconds: float = 30.0,
        wait_seconds: float = 0.2,
    ) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=timeout_seconds)
        self._wait_seconds = wait_seconds
        self._session: str | None = None

    @classmethod
    def connect(cls, settings: MetabaseSettings) -> MetabaseClient:
        """Open a connection and sign in with the key, or else with the account.

        Raises:
            ConnectionSettingsError: Address or credentials are missing.
            ApiError: Metabase is out of reach or refuses the credentials.
        """
        base_url = settings.base_url()
        settings.check_credentials()
        client = cls(base_url, settings.timeout_seconds)
        try:
            if settings.api_key is not None:
                client.use_api_key(settings.api_key)
            elif settings.username and settings.password:
                client.sign_in(settings.username, settings.password)
            client.current_user()
        except BaseException:
            client.close()
            raise
        return client

    def use_api_key(self, key: SecretStr) -> None:
        """Send this key with every request from now on."""
        self._http.headers["x-api-key"] = key.get_secret_value()

    def sign_in(self, username: str, password: SecretStr) -> None:
        """Open a session for an account; `close` ends it."""
        body = {"username": username, "password": password.get_secret_value()}
        self._session = str(self.request("POST", "/api/session", body)["id"])
        self._http.headers["X-Metabase-Session"] = self._session

    def close(self) -> None:
        """End the session, if there is one, and the connection."""
        try:
            if self._session is not None:
                self._http.request("DELETE", "/api/session")
        except httpx.HTTPError:
            pass  # the session then ends by itself; what was pushed stands
        finally:
            self._session = None
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def current_user(self) -> Json:
        """Return who we are; refused credentials come to light here."""
        return dict(self.request("GET", "/api/user/current"))

    def databases(self) -> list[Json]:
        """Return the databases that we may see."""
        return list(self.request("GET", "/api/database")["data"])

    def tables(self, database_id: int) -> list[Json]:
        """Return the tables of a database with their fields, hidden ones too."""
        path = f"/api/database/{database_id}/metadata?include_hidden=true"
        return list(self.request("GET", path)["tables"])

    def sync_schema(self, database_id: int) -> None:
        """Ask Metabase to look at the database's tables again; it does so in the background."""
        self.request("POST", f"/api/database/{database_id}/sync_schema", {})

    def collections(self) -> list[Json]:
        """Return all collections that are not in the trash."""
        return list(self.request("GET", "/api/collection"))

    def collection_items(self, collection_id: int, model: str) -> list[Json]:
        """Return the cards (`card`) or dashboards (`dashboard`) in a collection."""
        path = f"/api/collection/{collection_id}/items?models={model}"
        return list(self.request("GET", path)["data"])

    def find(self, path: str) -> Json | None:
        """Return what is at a path, or None where nothing is."""
        try:
            return dict(self.request("GET", path))
        except ApiError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def request(self, method: str, path: str, body: Json | None = None) -> Any:
        """Send one request, trying again while Metabase is busy.

        Raises:
            ApiError: Metabase refused, stayed busy, or could not be reached.
        """
        retrying = Retrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential_jitter(
                multiplier=self._wait_seconds, jitter=self._wait_seconds, max=5
            ),
            retry=retry_if_exception(lambda error: _may_retry(method, error)),
            reraise=True,
        )
        name = f"{method} {path.partition('?')[0]}"
        try:
            response = retrying(self._send, method, path, body)
        except httpx.HTTPStatusError as error:
            raise ApiError(name, _reason(error.response), error.response.status_code) from None
        except httpx.HTTPError as error:
            raise ApiError(name, f"{self._http.base_url} cannot be reached: {error}") from error
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError:
            reason = f"the answer is not JSON; is {self._http.base_url} a Metabase?"
            raise ApiError(name, reason, response.status_code) from None

    def _send(self, method: str, path: str, body: Json | None) -> httpx.Response:
        response = self._http.request(method, path, json=body)
        response.raise_for_status()
        return response


def _may_retry(method: str, error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        code = error.response.status_code
        return code in _BUSY or (code in _GATEWAY and method != "POST")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return True
    return isinstance(error, httpx.TransportError) and method != "POST"


def _reason(response: httpx.Response) -> str:
    """Return why, from any of the shapes in which Metabase says so."""
    try:
        body = response.json()
    except ValueError:
        return response.text.strip()[:_LONGEST_REASON] or response.reason_phrase
    if not isinstance(body, dict):
        return str(body)[:_LONGEST_REASON]
    errors = body.get("specific-errors") or body.get("errors")
    if isinstance(errors, dict) and errors:
        return "; ".join(f"{key}: {value}" for key, value in errors.items())[:_LONGEST_REASON]
    return str(body.get("message") or body)[:_LONGEST_REASON]
