"""A connection without a socket: what the loop would call is called, and what goes out is kept."""

import asyncio
from typing import Any

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.server import ServerState

from app.api.connections import Connections
from app.api.protocol import BoundedProtocol


class Wire(asyncio.Transport):
    """What a protocol writes to. `unsent_bytes`: so much of it has not been taken."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.unsent_bytes = 0
        self.is_reading_paused = False
        self.is_at_end = False
        self.how_ended = ""  # close, abort
        self.protocol: BoundedProtocol | None = None

    def write(self, data: Any) -> None:
        assert not self.is_at_end
        self.sent += bytes(data)

    def write_eof(self) -> None:
        self.is_at_end = True

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes

    def is_closing(self) -> bool:
        return bool(self.how_ended)

    def close(self) -> None:
        self._end("close")

    def abort(self) -> None:
        self._end("abort")

    def pause_reading(self) -> None:
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        self.is_reading_paused = False

    def _end(self, how: str) -> None:
        if self.how_ended in {"", "close"}:
            first, self.how_ended = not self.how_ended, how
            if self.protocol and (how == "abort" or (first and not self.unsent_bytes)):
                asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


def connected(app: ASGIApp, connections: Connections) -> tuple[BoundedProtocol, Wire]:
    """A new connection of a server with these others. Needs a running loop."""
    config = Config(app, log_config=None, ws="none", lifespan="off")
    config.load()
    protocol = BoundedProtocol(connections, config=config, server_state=ServerState(), app_state={})
    wire = Wire()
    wire.protocol = protocol
    protocol.connection_made(wire)
    return protocol, wire
