"""The stand-in over HTTP: sign-in, routes, a log of requests, and faults on demand."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.metabase.fake_metabase import schemas
from tests.metabase.fake_metabase.store import RefusalError, Store

API_KEY = "mb_test_key"
USER = ("ops@example.org", "a good password")
SESSION = "6f5e9a0c-session"


@dataclass
class Fault:
    """The next `times` requests that match fail so; status None breaks the connection.

    With `late` the request is carried out first and only its answer is lost.
    """

    method: str
    path: str
    status: int | None
    body: Any = "fault"
    times: int = 1
    containing: str = ""
    late: bool = False


class FakeMetabase:
    """A server in a thread; a context manager whose `url` is its address."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.requests: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self.sessions: set[str] = set()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Requests that change content."""
        return [r for r in self.requests if r[0] != "GET" and not r[1].startswith("/api/session")]

    def fail(self, method: str, path: str, status: int | None, **more: Any) -> None:
        self.faults.append(Fault(method, path, status, **more))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, method: str, target: str, headers: Any, raw: bytes) -> tuple[int, Any]:
        parts = urlsplit(target)
        self.requests.append((method, parts.path))
        fault = self._fault(method, parts.path, raw)
        if fault is not None and not fault.late:
            return _broken(fault)
        body = json.loads(raw) if raw else {}
        if (method, parts.path) == ("POST", "/api/session"):
            return self._sign_in(body)
        if headers.get("x-api-key") != API_KEY and (
            headers.get("X-Metabase-Session") not in self.sessions
        ):
            return 401, "Unauthenticated"
        try:
            answer = self._route(method, parts.path, parse_qs(parts.query), body)
        except RefusalError as refusal:
            return refusal.status, refusal.body
        return answer if fault is None else _broken(fault)

    def _fault(self, method: str, path: str, raw: bytes) -> Fault | None:
        for fault in self.faults:
            if (
                fault.times > 0
                and fault.method == method
                and re.fullmatch(fault.path, path)
                and fault.containing.encode() in raw
            ):
                fault.times -= 1
                return fault
        return None

    def _sign_in(self, body: dict[str, Any]) -> tuple[int, Any]:
        taken = schemas.take(schemas.SESSION, body, self.store.dropped)
        if (taken["username"], taken["password"]) != USER:
            return 401, {"errors": {"password": "did not match stored password"}}
        self.sessions.add(SESSION)
        return 200, {"id": SESSION}

    def _route(
        self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]
    ) -> tuple[int, Any]:
        store = self.store
        routes = {
            ("GET", r"/api/user/current"): lambda: {"id": 1, "common_name": "Ops"},
            ("DELETE", r"/api/session"): self.sessions.clear,
            ("GET", r"/api/database"): store.databases,
            ("GET", r"/api/database/7/metadata"): store.metadata,
            ("POST", r"/api/database/7/sync_schema"): store.sync,
            ("GET", r"/api/collection"): store.list_collections,
            ("POST", r"/api/collection"): lambda: store.create_collection(body),
            ("PUT", r"/api/collection/(\d+)"): lambda i: store.update_collection(int(i), body),
            ("GET", r"/api/collection/(\d+)/items"): lambda i: store.items(int(i), query["models"]),
            ("POST", r"/api/card"): lambda: store.create_card(body),
            ("GET", r"/api/card/([\w-]+)"): store.card,
            ("PUT", r"/api/card/(\d+)"): lambda i: store.update_card(int(i), body),
            ("POST", r"/api/dashboard"): lambda: store.create_dashboard(body),
            ("GET", r"/api/dashboard/(\d+)"): lambda i: store.dashboard(int(i)),
            ("PUT", r"/api/dashboard/(\d+)"): lambda i: store.update_dashboard(int(i), body),
            ("DELETE", r"/api/dashboard/(\d+)"): lambda i: store.delete_dashboard(int(i)),
        }
        for (verb, pattern), act in routes.items():
            match = re.fullmatch(pattern, path)
            if verb == method and match:
                result = act(*match.groups())
                return (200, result) if result is not None else (204, None)
        raise RefusalError(404, "API endpoint does not exist.")


def _broken(fault: Fault) -> tuple[int, Any]:
    if fault.status is None:
        raise ConnectionAbortedError
    return fault.status, fault.body


def _handler(fake: FakeMetabase) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or every answer waits 40 ms for an acknowledgement

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                with lock:
                    status, body = fake.answer(self.command, self.path, self.headers, raw)
            except ConnectionAbortedError:
                self.close_connection = True
                return
            plain = isinstance(body, str)
            sent = b"" if body is None else (body if plain else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if plain else "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names of http.server

        def log_message(self, format: str, *args: Any) -> None:
            """Keeps the test output quiet."""

    return Handler
