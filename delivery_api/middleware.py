"""What every request passes: an id, security headers, one access log line, one metric.

Plain ASGI: it costs microseconds, and a response is never held back to be looked at.
What never lives here: authentication, and anything that looks into a body.
"""

from __future__ import annotations

import re
import secrets
import time
import traceback
from collections.abc import Sequence

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from delivery_api.metrics import REQUESTS
from delivery_api.problems import render
from delivery_api.request_spans import note_answer, request_span
from delivery_api.uploads import is_upload
from qbank.telemetry import Tracing

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_CSP = "default-src 'none'; frame-ancestors 'none'"
# pages of launches say theirs themselves; Swagger UI styles its elements one by one
_CSP_DOCS = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
_PROBES = ("/health", "/ready", "/v1/health", "/v1/ready")
_HSTS = "max-age=31536000; includeSubDomains"


class RequestContext:
    """Wraps the app.

    Args:
        app: what answers.
        access_log: whether to write a line a request.
        https_only: whether browsers are told to stay on HTTPS.
        max_requests: how many are answered at once; others get 503, probes excepted.
        max_body_bytes: a body that turns out longer is refused with 413.
        max_upload_bytes: the same where the body is a file.
        hosts: what ``Host`` may say, probes excepted; anything where empty.
        tracing: where a span of each request goes, probes excepted, if anywhere.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        access_log: bool,
        https_only: bool,
        max_requests: int,
        max_body_bytes: int,
        max_upload_bytes: int,
        hosts: Sequence[str] = (),
        tracing: Tracing | None = None,
    ) -> None:
        self._app = app
        self._access_log = access_log
        self._https_only = https_only
        self._max_requests = max_requests
        self._running = 0
        self._max_body_bytes = max_body_bytes
        self._max_upload_bytes = max_upload_bytes
        self._hosts = frozenset(host.lower() for host in hosts)
        self._tracing = tracing
        self._log = structlog.get_logger("qbank.api").bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._tracing is None or scope["path"] in _PROBES:
            await self._answer(scope, receive, send)
        else:
            with request_span(self._tracing, scope) as span:
                route, status = await self._answer(scope, receive, send)
                note_answer(span, scope["method"], route, status)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> tuple[str, int]:
        """Answers one request; returns the route that it took, and the answer's status."""
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        # what GET answers, without its body
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        began = time.perf_counter()
        status = received = 0
        most = self._max_upload_bytes if is_upload(scope) else self._max_body_bytes

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.body" and inner is not scope:
                message["body"] = b""
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(scope, MutableHeaders(scope=message), request_id)
            await send(message)

        async def receive_bounded() -> Message:
            nonlocal received
            self._running -= 1  # who is slow to send a body takes no place from others
            try:
                message = await receive()
            finally:
                self._running += 1
            received += len(message.get("body", b""))
            if received > most:
                raise HTTPException(413, f"a body has at most {most} bytes")
            return message

        self._running += 1
        try:
            answer = self._refusal(scope, request_id) or self._app
            await answer(inner, receive_bounded, send_with_headers)
        except Exception:
            # as text: renderers of tracebacks show local variables, and those may hold secrets
            self._log.error(
                "request failed",
                request_id=request_id,
                path=scope["path"],
                traceback=traceback.format_exc(),
            )
            if status:  # the answer has begun: all that is left is to break it off
                raise
            failure = render(
                request_id, 500, "internal", "something broke here; the log knows the request id"
            )
            await failure(scope, receive, send_with_headers)
        finally:
            self._running -= 1
            route = getattr(inner.get("route"), "path", "unmatched")
            seconds = time.perf_counter() - began
            self._record(scope["method"], inner, request_id, (route, status, seconds))
        return route, status

    def _refusal(self, scope: Scope, request_id: str) -> Response | None:
        """What is answered before anything is looked at."""
        if scope["path"] in _PROBES:
            return None
        if self._running > self._max_requests:
            detail = "too many requests are being answered: try again"
            return render(request_id, 503, "unavailable", detail, headers={"Retry-After": "1"})
        if self._hosts and _host(scope) not in self._hosts:
            return render(request_id, 400, "unknown-host", "Host names no host of this service")
        return None

    def _add_headers(self, scope: Scope, headers: MutableHeaders, request_id: str) -> None:
        headers["x-request-id"] = request_id
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        headers.update(scope["state"].get("deprecation", {}))
        headers.setdefault(
            "content-security-policy", _CSP_DOCS if scope["path"].startswith("/docs") else _CSP
        )
        if self._https_only:
            headers["strict-transport-security"] = _HSTS

    def _record(
        self, method: str, scope: Scope, request_id: str, answered: tuple[str, int, float]
    ) -> None:
        route, status, seconds = answered
        REQUESTS.labels(method, route, status).observe(seconds)
        if not self._access_log:
            return
        principal = scope["state"].get("principal")
        client = scope.get("client")
        self._log.info(
            "request",
            request_id=request_id,
            method=method,
            path=scope["path"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
            client=client[0] if client else None,
            user=principal.user_id if principal else None,
            tenant=principal.tenant_id if principal else None,
        )


def _host(scope: Scope) -> str:
    """What ``Host`` says, without the port."""
    host = Request(scope).headers.get("host", "").lower()
    return host if host.endswith("]") else host.rsplit(":", 1)[0]


def _request_id(scope: Scope) -> str:
    given = Request(scope).headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
