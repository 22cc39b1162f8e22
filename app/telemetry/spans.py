"""One span of OpenTelemetry's, as app/tracing.py knows it."""

from opentelemetry.trace import Span, format_trace_id

from app.telemetry.cleaning import OURS
from app.telemetry.contexts import as_text
from app.tracing import Fact


class OtelSpan:
    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str | None:
        return as_text(self._span)

    @property
    def trace_id(self) -> str:
        """As it stands in the log."""
        return format_trace_id(self._span.get_span_context().trace_id)

    def note(self, **facts: Fact) -> None:
        self._span.set_attributes({OURS + name: fact for name, fact in facts.items()})
