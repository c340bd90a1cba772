"""The way to the delivery API: bearer token, timeouts, and errors in plain words.

What never lives here: which endpoints there are (the other modules of this package).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

Json = dict[str, Any]

_READ_S = 30.0
_MOST = 200  # rows on a page of the API
_WAYS_OUT = {
    401: "Sign in again.",
    403: "Ask an administrator for the role.",
    409: "Reload the page to see what is there now.",
    429: "Wait a minute, then try again.",
}


class ApiError(Exception):
    """The API refused; the message can be shown to a person.

    Attributes:
        status: HTTP status.
        fields: what is wrong with which field of the request.
        quiz_id: the person's open quiz that stands in the way; "" where none does.
        request_id: finds the request in the API's logs.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        fields: dict[str, str] | None = None,
        request_id: str | None = None,
        quiz_id: str = "",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.fields = fields or {}
        self.request_id = request_id
        self.quiz_id = quiz_id

    @property
    def way_out(self) -> str:
        """What the person can do about it; empty where the message says it all."""
        if self.quiz_id:
            return ""
        return _WAYS_OUT.get(self.status, "")


class ApiUnavailableError(Exception):
    """The API does not answer."""


@dataclass(frozen=True)
class Api:
    """The delivery API as one signed-in person sees it.

    Attributes:
        http: shared by all sessions; carries no one's token.
        token: the person's bearer token; empty before signing in.
    """

    http: httpx.Client
    token: str = field(default="", repr=False)

    def get(self, path: str, **params: Any) -> Any:
        """GET; parameters that are None or "" are left out."""
        given = {name: value for name, value in params.items() if value not in (None, "")}
        return self._send("GET", path, params=given).json()

    def rows(self, path: str, **params: Any) -> list[Json]:
        """GET of all pages of a listing."""
        found: list[Json] = []
        while True:
            page = self.get(path, page=1 + len(found) // _MOST, page_size=_MOST, **params)
            found += page["items"]
            if not page["items"] or len(found) >= page["total"]:
                return found

    def post(self, path: str, body: Json | None = None, **params: Any) -> Any:
        """POST with a JSON body."""
        given = {name: value for name, value in params.items() if value is not None}
        return _content(self._send("POST", path, json=body, params=given))

    def put(self, path: str, body: Json) -> Any:
        """PUT with a JSON body."""
        return _content(self._send("PUT", path, json=body))

    def patch(self, path: str, body: Json) -> Any:
        """PATCH with a JSON body."""
        return _content(self._send("PATCH", path, json=body))

    def delete(self, path: str) -> Any:
        """DELETE."""
        return _content(self._send("DELETE", path))

    def download(self, path: str) -> bytes:
        """GET of a file."""
        return self._send("GET", path).content

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            response = self.http.request(method, f"/v1{path}", headers=headers, **request)
        except httpx.TimeoutException as error:
            raise ApiUnavailableError(
                f"The delivery API at {self.http.base_url} did not answer in time."
            ) from error
        except httpx.TransportError as error:
            raise ApiUnavailableError(
                f"The delivery API at {self.http.base_url} cannot be reached."
            ) from error
        if response.is_error:
            raise _refusal(response)
        return response


def connect(base_url: str) -> httpx.Client:
    """The connection pool to the API, made once a process."""
    return httpx.Client(
        base_url=base_url.rstrip("/"),
        timeout=httpx.Timeout(_READ_S, connect=3.0),
        # one more try where the connection was refused or had been closed by a restart
        transport=httpx.HTTPTransport(retries=1),
    )


def _content(response: httpx.Response) -> Any:
    return response.json() if response.content else None


def _refusal(response: httpx.Response) -> ApiError:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    detail = str(problem.get("detail") or f"The API answered {response.status_code}.")
    fields = {
        str(item.get("field", "")).removeprefix("body."): str(item.get("message", ""))
        for item in problem.get("errors") or []
    }
    request_id = problem.get("request_id") or response.headers.get("x-request-id")
    quiz_id = str(problem.get("quiz_id") or "")
    return ApiError(response.status_code, detail, fields, request_id, quiz_id)
