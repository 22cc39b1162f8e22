"""A line between a caller and a service that breaks on order."""

import asyncio
import threading
from contextlib import AbstractContextManager

from tests.support.line import CHUNK_BYTES, Line, standing


class Relay(Line):
    """Passes bytes on. `requests` are the first bytes of each request, as they came."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.requests: list[bytes] = []
        self._to = port
        self._swallow = b""
        self._swallowed = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lose_answer_to(self, request: bytes) -> None:
        """The next request that begins so arrives, and the line breaks instead of the answer."""
        self._swallow = request

    @property
    def has_broken(self) -> bool:
        return self._swallowed.is_set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        away_reader, away_writer = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            await asyncio.gather(self._there(reader, away_writer), self._back(away_reader, writer))
        finally:
            away_writer.close()

    async def _there(self, reader: asyncio.StreamReader, away: asyncio.StreamWriter) -> None:
        while some := await reader.read(CHUNK_BYTES):
            if some.startswith((b"GET ", b"POST ")):
                self.requests.append(some)
            away.write(some)
            await away.drain()
        away.close()

    async def _back(self, away: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while some := await away.read(CHUNK_BYTES):
            if self._swallow and self.requests[-1].startswith(self._swallow):
                self._swallow = b""
                self._swallowed.set()
                writer.transport.abort()
                return
            writer.write(some)
            await writer.drain()
        writer.close()


def relayed(port: int) -> AbstractContextManager[Relay]:
    return standing(Relay(port))
