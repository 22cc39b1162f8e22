"""Requests that are answered before all of their body came: the connection is closed in stages (RFC 9112, 9.6).

A connection that is closed at once, with unread bytes on it, is reset, and a caller that sends everything before it
reads never sees the answer. So the answer goes out first, and only its end waits, while some of the rest of the body is
received and dropped. Only some of it: nobody receives gigabytes to throw them away. And slowly where many callers send
what is dropped, for other requests come first.
"""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.timeouts import LINGER_SECONDS, LINGER_SILENCE_SECONDS

LINGER_BYTES_PER_SECOND = 100_000_000  # dropped for all callers together
LINGER_BYTES = 64_000_000  # dropped of one body: enough for most files; beyond that the connection may be reset


class LingeringClose:
    """Closes a connection in stages where the answer goes out before all of the body came."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._dropped = Slowly(LINGER_BYTES_PER_SECOND)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not has_body(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        is_unread, is_withheld = True, False

        async def note_received() -> Message:
            nonlocal is_unread
            message = await receive()
            is_unread = message.get("more_body", False)
            return message

        async def pass_on(message: Message) -> None:
            nonlocal is_withheld
            if is_unread and message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            elif is_unread and not message.get("more_body", False):
                is_withheld = True
                message = {**message, "more_body": True}
            await send(message)

        try:
            await self._app(scope, note_received, pass_on)
        finally:
            if is_withheld:
                await _drop(receive, self._dropped)
                await send({"type": "http.response.body"})


def has_body(headers: Headers) -> bool:
    """Whether a request says that a body comes with it. RFC 9112, 6."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


class Slowly:
    """Keeps all who drop bytes, together, to a rate of bytes per second."""

    def __init__(self, bytes_per_second: float) -> None:
        self._bytes_per_second = bytes_per_second
        self._free_at = 0.0  # of the loop's clock

    def wait_seconds(self, size_bytes: int, now: float) -> float:
        """How long to wait after so many bytes, behind all others who dropped some."""
        self._free_at = max(now, self._free_at) + size_bytes / self._bytes_per_second
        return self._free_at - now


async def _drop(receive: Receive, slowly: Slowly) -> None:
    """Receive the rest of a body and drop it, until it ends or enough has come.

    The caller may hang up meanwhile, and the service may stop.
    """
    now, dropped_bytes, has_more = asyncio.get_running_loop().time, 0, True
    with suppress(TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(LINGER_SECONDS):
            while has_more and dropped_bytes < LINGER_BYTES:
                async with asyncio.timeout(LINGER_SILENCE_SECONDS):
                    message = await receive()
                size_bytes, has_more = len(message.get("body", b"")), message.get("more_body", False)
                dropped_bytes += size_bytes
                await asyncio.sleep(slowly.wait_seconds(size_bytes, now()))
