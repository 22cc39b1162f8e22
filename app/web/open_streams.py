"""Streams of events, waits and downloads, which stay open. One client may have a limited number at one process."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse
from starlette.types import Receive, Scope, Send

from app.domain.api_keys import Caller
from app.domain.errors import TooManyRequests
from app.domain.timeouts import STREAM_RETRY_SECONDS
from app.web import at_work


class OpenStreams:
    """Counts the open streams of each client at this process."""

    def __init__(self, client_most: float) -> None:
        self._client_most = client_most
        self._open: dict[str, int] = {}

    def check(self, caller: Caller) -> None:
        """Errors: TooManyRequests client_streams_full."""
        if self._open.get(caller.client, 0) >= self._client_most:
            raise TooManyRequests(
                f"{self._client_most} streams, waits and downloads of yours are open. End some of them first.",
                code="client_streams_full",
                retry_after_seconds=STREAM_RETRY_SECONDS,
            )

    @contextmanager
    def counted(self, caller: Caller) -> Iterator[None]:
        self._open[caller.client] = self._open.get(caller.client, 0) + 1
        try:
            yield
        finally:
            self._open[caller.client] -= 1
            if not self._open[caller.client]:
                del self._open[caller.client]


@contextmanager
def waiting(request: Request) -> Iterator[None]:
    """Count a request as open while it waits for news. Errors: TooManyRequests."""
    streams, caller = _of(request)
    streams.check(caller)
    at_work.leave(request)
    with streams.counted(caller):
        yield


def check(request: Request) -> None:
    """Call this before a stream begins. Errors: TooManyRequests."""
    streams, caller = _of(request)
    streams.check(caller)


class _Counted(StreamingResponse):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        streams, caller = _of(Request(scope))
        with streams.counted(caller):
            await super().__call__(scope, receive, send)


class Download(_Counted):
    """A file that is made while it is read; but for its first piece: what fails until then has its own status."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pieces = aiter(self.body_iterator)
        self.body_iterator = _with_first(await anext(pieces, b""), pieces)
        await super().__call__(scope, receive, send)


async def _with_first(first: Any, rest: AsyncIterator[Any]) -> AsyncIterator[Any]:
    yield first
    async for piece in rest:
        yield piece


class Events(_Counted, EventSourceResponse):
    """Server-sent events."""


def _of(request: Request) -> tuple[OpenStreams, Caller]:
    return request.app.state.streams, request.state.caller
