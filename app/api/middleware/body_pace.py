"""How fast a body must come: a byte within each SLUICE_UPLOAD_IDLE_SECONDS, and a minimal rate in the long run.

Only the time counts in which the service waits for its caller, not that in which it works itself.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.middleware.lingering_close import has_body
from app.domain.errors import TooSlow


class BodyPace:
    """Refuses a body that comes too slowly."""

    def __init__(self, app: ASGIApp, *, idle_seconds: float, least_bytes_per_second: float) -> None:
        self._app = app
        self._idle_seconds = idle_seconds
        self._least_bytes_per_second = least_bytes_per_second

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and has_body(Headers(scope=scope)):
            receive = _Pace(receive, self._idle_seconds, self._least_bytes_per_second).receive
        await self._app(scope, receive, send)


class _Pace:
    def __init__(self, receive: Receive, idle_seconds: float, least_bytes_per_second: float) -> None:
        self._receive = receive
        self._idle_seconds = idle_seconds
        self._least_bytes_per_second = least_bytes_per_second
        self._is_over = False
        self._waited_seconds = 0.0  # since the rate was last checked
        self._received_bytes = 0

    async def receive(self) -> Message:
        """The next message of the request. Errors: TooSlow upload_too_slow, while the body is not complete."""
        if self._is_over:
            return await self._receive()
        time = asyncio.get_running_loop().time
        began = time()
        try:
            async with asyncio.timeout(self._idle_seconds):
                message = await self._receive()
        except TimeoutError:
            raise _too_slow(f"Nothing came for {self._idle_seconds:g} seconds.") from None
        finally:
            self._waited_seconds += time() - began
        self._is_over = not message.get("more_body", False)
        self._received_bytes += len(message.get("body", b""))
        self._check_rate()
        return message

    def _check_rate(self) -> None:
        """Check the rate once for each idle time that was spent waiting. Errors: TooSlow."""
        if self._waited_seconds < self._idle_seconds or self._is_over:
            return
        if self._received_bytes < self._least_bytes_per_second * self._waited_seconds:
            raise _too_slow(f"Less than {self._least_bytes_per_second:g} bytes a second came.")
        self._waited_seconds, self._received_bytes = 0.0, 0


def _too_slow(complaint: str) -> TooSlow:
    return TooSlow(f"{complaint} Send it over a better line, or compressed.", code="upload_too_slow")
