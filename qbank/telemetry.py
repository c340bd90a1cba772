"""Traces from program to program, by OpenTelemetry: off unless ``QBANK_TELEMETRY`` is set.

Where spans go, how many are kept and what a program is called there, the standard ``OTEL_…``
variables say. While it is off nothing of OpenTelemetry is imported. What never lives here: which
spans there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from qbank.errors import SettingsError
from qbank.settings import Settings, get_settings

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

TRACEPARENT: Final = "traceparent"
"""Where W3C's trace context says which span something comes of."""
Kind = Literal["server", "producer", "consumer"]


class Tracing:
    """Spans of one program.

    Args:
        provider: where they go.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("qbank")

    @classmethod
    def configured(cls, service: str, settings: Settings | None = None) -> Tracing | None:
        """Tracing of this program; None where it is off.

        Args:
            service: what the program is called where ``OTEL_SERVICE_NAME`` says nothing.
            settings: those of the process where None.

        Raises:
            SettingsError: it is on, and OpenTelemetry is not installed.
        """
        if not (settings or get_settings()).telemetry:
            return None
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import SERVICE_NAME, Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ModuleNotFoundError as error:
            raise SettingsError("QBANK_TELEMETRY needs pip install 'qbank[telemetry]'") from error
        resource = Resource.create()
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: service}))
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def span(
        self,
        name: str,
        kind: Kind,
        parent: Context,
        attributes: Mapping[str, Any],
        start_ns: int | None = None,
    ) -> Span:
        """Begins a span; it is recorded where its parent is, or the sampler says so.

        Args:
            name: of few words, the same for all of its kind.
            kind: what the program does.
            parent: of `asked` or `came_of`.
            attributes: by OpenTelemetry's semantic conventions.
            start_ns: when it began, Unix time; now where None.
        """
        from opentelemetry.trace import SpanKind

        return self._tracer.start_span(
            name,
            context=parent,
            kind=SpanKind[kind.upper()],
            attributes=dict(attributes),
            start_time=start_ns,
            record_exception=False,  # its stack may hold what people wrote
        )

    def close(self) -> None:
        """Sends what is left; a collector that is away is not waited for long."""
        self._provider.shutdown()


def asked(headers: Mapping[str, str]) -> Context:
    """What a request is part of, by the propagators of ``OTEL_PROPAGATORS``."""
    from opentelemetry.context import Context
    from opentelemetry.propagate import extract

    return extract(headers, context=Context())


def came_of(traceparent: str) -> Context:
    """What an event is part of."""
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {TRACEPARENT: traceparent}
    return TraceContextTextMapPropagator().extract(carrier, context=Context())


def traceparent(span: Span | None = None) -> str | None:
    """The span that is current, or another one, for whoever comes after it.

    None where it is not recorded, so that nothing is carried on for nobody.
    """
    from opentelemetry import trace

    context = (span or trace.get_current_span()).get_span_context()
    if not (context.is_valid and context.trace_flags.sampled):
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
