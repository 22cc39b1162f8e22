"""Traces as the service itself knows them: nothing is traced unless somebody asked for it.

Nothing here imports OpenTelemetry. `app/telemetry` does, and it is loaded only where traces are on. A trace context is
carried as text, which is the value of a `traceparent` header (W3C Trace Context): it is stored with an import or a job,
and another process links to it, also days later.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # nor is anything else loaded here: a worker has no starlette
    import httpx
    from sqlalchemy.ext.asyncio import AsyncEngine
    from starlette.types import ASGIApp

Fact = str | int | float | bool | tuple[int, ...]
"""What an attribute of a span may be: an id, a count, a name of ours. Never a cell of a file, nor anybody's words."""


class Span(Protocol):
    """Something that takes time, while it is open."""

    @property
    def traceparent(self) -> str | None:
        """Its context; None where nothing is traced."""

    def note(self, **facts: Fact) -> None:
        """Give it attributes, each under the name `sluice.…`."""


class RequestTrace(Span, Protocol):
    """The span of the request that is being answered."""

    def name_route(self, route: str) -> None:
        """Name it after the route that answers, as it stands in the code: `/v1/imports/{import_id}`."""


class Tracer(Protocol):
    @property
    def is_on(self) -> bool: ...

    def span(
        self,
        name: str,
        *,
        facts: Mapping[str, Fact] | None = None,
        parent: str | None = None,
        links: Iterable[str] = (),
        is_message: bool = False,
    ) -> AbstractContextManager[Span]:
        """Open a span. `parent` and `links`: trace contexts, perhaps of another process, and long ago.

        Without a parent it belongs to the span around it; where there is none, or where it has links, a trace begins.
        `is_message`: it sends something to another service, which may go on with the trace.
        """

    def around(self, app: "ASGIApp") -> "ASGIApp":
        """The application with a span around each request."""

    def watch_http(self, client: "httpx.AsyncClient") -> None:
        """Have each of its requests be a span, within one of ours."""

    def watch_database(self, engine: "AsyncEngine") -> None:
        """Have each of its statements be a span, within one of ours."""

    async def close(self) -> None:
        """Send what is not sent yet, for a few seconds at most."""


class _NoSpan:
    traceparent = None

    def note(self, **facts: Fact) -> None:
        pass

    def name_route(self, route: str) -> None:
        pass


NO_SPAN = _NoSpan()


class NoTracer:
    """Traces nothing."""

    is_on = False

    def span(
        self,
        name: str,  # noqa: ARG002
        *,
        facts: Mapping[str, Fact] | None = None,  # noqa: ARG002
        parent: str | None = None,  # noqa: ARG002
        links: Iterable[str] = (),  # noqa: ARG002
        is_message: bool = False,  # noqa: ARG002
    ) -> AbstractContextManager[Span]:
        return nullcontext(NO_SPAN)

    def around(self, app: "ASGIApp") -> "ASGIApp":
        return app

    def watch_http(self, client: "httpx.AsyncClient") -> None:
        pass

    def watch_database(self, engine: "AsyncEngine") -> None:
        pass

    async def close(self) -> None:
        pass


NO_TRACER = NoTracer()

_request_trace: ContextVar[RequestTrace] = ContextVar("request_trace", default=NO_SPAN)


def request_trace() -> RequestTrace:
    """That of the request that is being answered; one that notes nothing where there is none."""
    return _request_trace.get()


@contextmanager
def answering(trace: RequestTrace) -> Iterator[None]:
    """In here, it is the trace of the request that is being answered."""
    token = _request_trace.set(trace)
    try:
        yield
    finally:
        _request_trace.reset(token)
