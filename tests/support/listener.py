"""A caller who takes a streamed answer piece by piece, in its own time, and hangs up when it likes."""

import asyncio
import json
from types import TracebackType
from typing import Any, Self

from starlette.types import ASGIApp, Message

SOON_SECONDS = 20.0  # bounds a test that would hang


class Listener:
    """Speaks ASGI as uvicorn does: `send` returns once the piece before has been taken."""

    def __init__(self, app: ASGIApp, path: str, **headers: str) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._app = app
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path.partition("?")[0],
            "raw_path": path.partition("?")[0].encode(),
            "query_string": path.partition("?")[2].encode(),
            "headers": [(b"host", b"127.0.0.1")]
            + [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._asked = False
        self._left = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._answering = asyncio.create_task(self._app(self._scope, self._receive, self._send))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.hang_up()

    async def piece(self) -> bytes | None:
        """The next piece of the body; None at its end."""
        return await asyncio.wait_for(self._pieces.get(), SOON_SECONDS)

    async def events(self) -> list[dict[str, Any]] | None:
        """The next events of a stream, as many as were sent at once; None at its end. All else is passed over."""
        while (piece := await self.piece()) is not None:
            if found := events_in(piece.decode()):
                return found
        return None

    async def event(self) -> dict[str, Any]:
        """The next one, which comes alone."""
        (only,) = await self.events() or []
        return only

    async def hang_up(self) -> None:
        """And wait until the service is done with the request."""
        self._left.set()
        while not self._answering.done():
            while not self._pieces.empty():
                self._pieces.get_nowait()
            await asyncio.wait({self._answering}, timeout=0.01)

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            if message["body"]:
                await self._pieces.put(message["body"])
            if not message.get("more_body", False):
                await self._pieces.put(None)


def events_in(told: str) -> list[dict[str, Any]]:
    """The events of a stream, read as the HTML standard says; each has the id of its message."""
    found = []
    for message in told.split("\n\n"):
        fields = [line.partition(": ") for line in message.split("\n") if not line.startswith(":")]
        lines = [value for name, _, value in fields if name == "data"]
        if lines:
            event = json.loads("\n".join(lines))
            assert {name: value for name, _, value in fields if name in {"id", "event"}} == {"id": str(event["id"])}
            found.append(event)
    return found
