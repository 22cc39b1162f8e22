"""Trace contexts as text: W3C Trace Context, `traceparent`, version 00."""

from collections.abc import Iterable

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import Link, Span, SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

HEADER = "traceparent"
_W3C = TraceContextTextMapPropagator()


class InwardPropagator(TextMapPropagator):
    """Heeds the trace context that callers send, and sends none by itself: it is nobody's business at Marketo.

    Nor is a caller's `baggage`, which may say anything, and which an instrumented client would pass on.
    """

    def __init__(self, inner: TextMapPropagator) -> None:
        self.inner = inner

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        return self.inner.extract(carrier, context, getter)

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        pass

    @property
    def fields(self) -> set[str]:
        return self.inner.fields


def send_nothing_outward() -> None:
    """Instrumented clients ask the process's one propagator; OTEL_PROPAGATORS says whose headers it heeds."""
    current = propagate.get_global_textmap()
    if not isinstance(current, InwardPropagator):
        propagate.set_global_textmap(InwardPropagator(CompositePropagator([current])))


def as_text(span: Span) -> str | None:
    """None where it has no valid context."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier.get(HEADER)


def context_of(traceparent: str) -> Context:
    """In which a span with this trace context is the current one; an invalid one is no span's."""
    return _W3C.extract({HEADER: traceparent}, Context())


def links_to(traceparents: Iterable[str]) -> list[Link]:
    """One for each that is valid."""
    contexts = [span_context_of(each) for each in dict.fromkeys(traceparents)]
    return [Link(context) for context in contexts if context.is_valid]


def span_context_of(traceparent: str) -> SpanContext:
    return trace.get_current_span(context_of(traceparent)).get_span_context()
