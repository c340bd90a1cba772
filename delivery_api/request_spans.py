"""The span of a request, by OpenTelemetry's semantic conventions for HTTP servers.

Not FastAPI's own, which has the path and the query: these name people.

What never lives here: what a request answers, and where spans go (``qbank.telemetry``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.types import Scope

from qbank.telemetry import Tracing, asked

if TYPE_CHECKING:
    from opentelemetry.trace import Span


@contextmanager
def request_span(tracing: Tracing, scope: Scope) -> Iterator[Span]:
    """A span that is current while the request is answered; it goes on with the caller's trace.

    Neither query nor body nor headers are in it, and of the path only its route.
    """
    from opentelemetry import trace
    from opentelemetry.trace import StatusCode

    span = tracing.span(
        scope["method"],
        "server",
        asked(Request(scope).headers),
        {"http.request.method": scope["method"], "url.scheme": scope["scheme"]},
    )
    # of what broke, the log knows more: its text may hold what people wrote
    with trace.use_span(
        span, end_on_exit=True, record_exception=False, set_status_on_exception=False
    ):
        try:
            yield span
        except BaseException:
            span.set_status(StatusCode.ERROR)
            raise


def note_answer(span: Span, method: str, route: str, status: int) -> None:
    """What came of it."""
    from opentelemetry.trace import StatusCode

    span.update_name(f"{method} {route}")
    span.set_attributes({"http.route": route, "http.response.status_code": status})
    if status >= 500:
        span.set_status(StatusCode.ERROR)
