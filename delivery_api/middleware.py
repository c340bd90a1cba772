"""What every request passes: an id, security headers, one access log line, one metric.

Plain ASGI: it costs microseconds, and a response is never held back to be looked at.
What never lives here: authentication, and anything that reads a body.
"""

from __future__ import annotations

import re
import secrets
import time
import traceback

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from delivery_api.metrics import REQUESTS
from delivery_api.problems import render

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_CSP = "default-src 'none'; frame-ancestors 'none'"
# the interactive pages load Swagger UI from its CDN; nothing else of the API renders
_CSP_DOCS = (
    "default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "img-src data: https://fastapi.tiangolo.com; "
    "connect-src 'self'; frame-ancestors 'none'"
)
_HSTS = "max-age=31536000; includeSubDomains"


class RequestContext:
    """Wraps the app.

    Args:
        app: what answers.
        access_log: whether to write a line a request.
        https_only: whether browsers are told to stay on HTTPS.
    """

    def __init__(self, app: ASGIApp, *, access_log: bool, https_only: bool) -> None:
        self._app = app
        self._access_log = access_log
        self._https_only = https_only
        self._log = structlog.get_logger("qbank.api").bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(scope, MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
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
            self._record(scope, request_id, status, time.perf_counter() - began)

    def _add_headers(self, scope: Scope, headers: MutableHeaders, request_id: str) -> None:
        headers["x-request-id"] = request_id
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        headers["content-security-policy"] = _CSP_DOCS if scope["path"] == "/docs" else _CSP
        if self._https_only:
            headers["strict-transport-security"] = _HSTS

    def _record(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        REQUESTS.labels(scope["method"], route, status).observe(seconds)
        if not self._access_log:
            return
        principal = scope["state"].get("principal")
        client = scope.get("client")
        self._log.info(
            "request",
            request_id=request_id,
            method=scope["method"],
            path=scope["path"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
            client=client[0] if client else None,
            user=principal.user_id if principal else None,
            tenant=principal.tenant_id if principal else None,
        )


def _request_id(scope: Scope) -> str:
    given = Request(scope).headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
