"""A line to PostgreSQL that can go dead: everything stays open, and nothing comes through any more."""

import asyncio
from contextlib import AbstractContextManager

from tests.support.line import CHUNK_BYTES, Line, standing


class Proxy(Line):
    """Passes bytes on to a server's Unix socket."""

    def __init__(self, socket_path: str) -> None:
        super().__init__()
        self._socket_path = socket_path
        self._open = asyncio.Event()
        self._open.set()

    def silence(self) -> None:
        self.loop.call_soon_threadsafe(self._open.clear)

    def speak(self) -> None:
        self.loop.call_soon_threadsafe(self._open.set)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        away_reader, away_writer = await asyncio.open_unix_connection(self._socket_path)
        await asyncio.gather(self._pass(reader, away_writer), self._pass(away_reader, writer))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while some := await source.read(CHUNK_BYTES):
                await self._open.wait()
                sink.write(some)
                await sink.drain()
        finally:
            sink.close()


def proxied(socket_path: str) -> AbstractContextManager[Proxy]:
    return standing(Proxy(socket_path))
