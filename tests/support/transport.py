"""The simulator as an httpx transport: in one process, without a socket, and yet with connections that break."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BeforeRequest = Callable[[httpx.Request], Awaitable[None] | None]
AfterRequest = Callable[[httpx.Request, httpx.Response], Awaitable[None] | None]


class SimulatorTransport(httpx.AsyncBaseTransport):
    """`httpx.ASGITransport` that turns a broken answer into RemoteProtocolError and keeps the read timeout.

    Hooks may raise: `before_request` before the request is delivered (it never arrives), `after_request` once the
    simulator has answered (the request was executed; the caller crashes or loses the answer).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        before_request: BeforeRequest | None = None,
        after_request: AfterRequest | None = None,
    ) -> None:
        self._inner = httpx.ASGITransport(app=_unbroken(app))
        self.before_request = before_request
        self.after_request = after_request

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.before_request is not None:
            await _finished(self.before_request(request))
        timeout = request.extensions.get("timeout", {}).get("read")
        try:
            async with asyncio.timeout(timeout):
                response = await self._inner.handle_async_request(request)
        except TimeoutError as late:
            raise httpx.ReadTimeout("the simulator did not answer in time", request=request) from late
        except httpx.RemoteProtocolError as broken:
            broken.request = request
            raise
        if self.after_request is not None:
            await _finished(self.after_request(request, response))
        return response


async def _finished(outcome: Awaitable[None] | None) -> None:
    if inspect.isawaitable(outcome):
        await outcome


def _unbroken(app: ASGIApp) -> ASGIApp:
    """The same app, raising where a server would hang up on the client."""

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        complete = False

        async def watch(message: Message) -> None:
            nonlocal complete
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                complete = True
            await send(message)

        await app(scope, receive, watch)
        if not complete:
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    return watched
