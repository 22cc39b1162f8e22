"""A stage whose spans are kept in memory, as they would leave the process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id, format_trace_id

from app.telemetry.cleaning import CleaningExporter
from app.telemetry.setup import tracer_with
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

CALLERS_TRACE, CALLERS_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLERS = f"00-{CALLERS_TRACE}-{CALLERS_SPAN}-01"
"""A caller's `traceparent`: the example of W3C Trace Context."""


@dataclass
class Traced:
    stage: Stage
    leaving: InMemorySpanExporter
    raw: InMemorySpanExporter  # as the instrumentations made them

    def named(self, *names: str) -> list[ReadableSpan]:
        return [span for span in self.leaving.get_finished_spans() if span.name in names]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span

    def within(self, span: ReadableSpan) -> list[ReadableSpan]:
        """Spans of the instrumentations, and of ours, right below this one."""
        return [
            each
            for each in self.leaving.get_finished_spans()
            if each.parent and (each.parent.trace_id, each.parent.span_id) == ids(span)
        ]

    def forget(self) -> None:
        self.leaving.clear()
        self.raw.clear()


def ids(span: ReadableSpan) -> tuple[int, int]:
    return span.context.trace_id, span.context.span_id


def linked(span: ReadableSpan) -> set[tuple[int, int]]:
    return {(link.context.trace_id, link.context.span_id) for link in span.links}


def traceparent(span: ReadableSpan) -> str:
    context = span.context
    return f"00-{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}-{context.trace_flags:02x}"


def as_sent(exporter: InMemorySpanExporter) -> bytes:
    """All that it was given, as an exporter sends it."""
    sent: bytes = encode_spans(exporter.get_finished_spans()).SerializeToString()
    return sent


@asynccontextmanager
async def traced(database_url: str, clock: SteppedClock, **knobs: Any) -> AsyncIterator[Traced]:
    leaving, raw = InMemorySpanExporter(), InMemorySpanExporter()
    tracer = tracer_with([SimpleSpanProcessor(CleaningExporter(leaving)), SimpleSpanProcessor(raw)])
    async with staged(database_url, clock, tracer=tracer, **knobs) as stage:
        yield Traced(stage, leaving, raw)
