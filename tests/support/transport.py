"""The simulator as an httpx transport: in one process, without a socket, and yet with connections that break."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

patience_seconds: ContextVar[float] = ContextVar("patience_seconds")
"""How long the caller of the request under way waits for its answer."""

BeforeRequest = Callable[[httpx.Request], Awaitable[None] | None]
AfterRequest = Callable[[httpx.Request, httpx.Response], Awaitable[None] | None]


class SimulatorTransport(httpx.AsyncBaseTransport):
    """`httpx.ASGITransport` whose answers break off where the app stops in their middle, as with a server.

    The read timeout is kept. Hooks may raise: `before_request` before the request is delivered (it never arrives),
    `after_request` once the simulator has answered (it was executed; the caller crashes or loses the answer).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        before_request: BeforeRequest | None = None,
        after_request: AfterRequest | None = None,
    ) -> None:
        self._app = app
        self._line: httpx.AsyncHTTPTransport | None = None
        self._url = httpx.URL()
        self.before_request = before_request
        self.after_request = after_request

    def go_over(self, url: str) -> None:
        """From now on through a socket, to the same simulator served at this URL."""
        self._line, self._url = httpx.AsyncHTTPTransport(), httpx.URL(url)

    async def aclose(self) -> None:
        if self._line is not None:
            await self._line.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.before_request is not None:
            await _finished(self.before_request(request))
        if self._line is not None:
            request.url = request.url.copy_with(scheme="http", host=self._url.host, port=self._url.port)
            return await self._line.handle_async_request(request)
        timeout = request.extensions.get("timeout", {}).get("read")
        patience_seconds.set(float("inf") if timeout is None else timeout)
        app = _Watched(self._app)
        try:
            async with asyncio.timeout(timeout):
                response = await httpx.ASGITransport(app).handle_async_request(request)
        except TimeoutError as late:
            raise httpx.ReadTimeout("the simulator did not answer in time", request=request) from late
        if app.broke_off:
            response.stream = _BreaksOff(response.stream, request)
        if self.after_request is not None:
            await _finished(self.after_request(request, response))
        return response


async def _finished(outcome: Awaitable[None] | None) -> None:
    if inspect.isawaitable(outcome):
        await outcome


class _Watched:
    """The same app, and whether it stopped in the middle of its answer, where a server would hang up."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.broke_off = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.broke_off = True

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self.broke_off = False
            await send(message)

        await self._app(scope, receive, watch)
        if self.broke_off:
            await send({"type": "http.response.body"})


class _BreaksOff(httpx.AsyncByteStream):
    """What came of a body, and then the end of the connection."""

    def __init__(self, stream: httpx.SyncByteStream | httpx.AsyncByteStream, request: httpx.Request) -> None:
        self._stream = stream
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._stream, httpx.AsyncByteStream)
        async for chunk in self._stream:
            yield chunk
        raise httpx.RemoteProtocolError(
            "peer closed connection without sending complete message body", request=self._request
        )
