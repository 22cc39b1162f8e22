"""Traces by OpenTelemetry, configured by its own variables."""

import asyncio
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

import httpx
import structlog
from opentelemetry.context import Context
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.sqlalchemy.engine import EngineTracer
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import ASGIApp

from app.telemetry.cleaning import OURS
from app.telemetry.contexts import context_of, links_to, send_nothing_outward
from app.telemetry.requests import traced
from app.telemetry.spans import OtelSpan
from app.tracing import Fact, Span

NAME = "sluice"
CLOSING_SECONDS = 5.0  # for what is not sent yet; a collector that is away holds nobody's stop up for longer


class OtelTracer:
    """Hands spans to a provider. Nothing global is set but how contexts are carried (contexts.py)."""

    is_on = True

    def __init__(self, provider: TracerProvider) -> None:
        send_nothing_outward()
        self._provider = provider
        self._tracer = provider.get_tracer(NAME, version("marketo-sluice"))
        self._connections = NoOpMeterProvider().get_meter(NAME).create_up_down_counter("connections")

    @contextmanager
    def span(
        self,
        name: str,
        *,
        facts: Mapping[str, Fact] | None = None,
        parent: str | None = None,
        links: Iterable[str] = (),
        is_message: bool = False,
    ) -> Iterator[Span]:
        to = links_to(links)
        context = context_of(parent) if parent else Context() if to else None
        attributes = {OURS + key: fact for key, fact in (facts or {}).items()}
        kind = SpanKind.PRODUCER if is_message else SpanKind.INTERNAL
        with self._tracer.start_as_current_span(name, context, kind, attributes=attributes, links=to) as opened:
            span = OtelSpan(opened)
            with structlog.contextvars.bound_contextvars(trace_id=span.trace_id):
                yield span

    def around(self, app: ASGIApp) -> ASGIApp:
        return traced(app, self._provider)

    def watch_http(self, client: httpx.AsyncClient) -> None:
        HTTPXClientInstrumentor.instrument_client(client, tracer_provider=self._provider)

    def watch_database(self, engine: AsyncEngine) -> None:
        """This engine alone: the instrumentor would change SQLAlchemy itself, for whoever else is in the process."""
        EngineTracer(self._tracer, engine.sync_engine, self._connections)  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """The thread is nobody's to wait for: what a collector does not take within the time is lost."""
        loop, closed = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            if not loop.is_closed():
                loop.call_soon_threadsafe(closed.set)

        threading.Thread(target=shut_down, daemon=True).start()
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await closed.wait()
        except TimeoutError:
            structlog.get_logger().warning("the last spans were not taken in time", seconds=CLOSING_SECONDS)
