"""What a pooler tells its callers: another number of the session than the server does. Else it passes bytes on."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import psycopg

from tests.support.line import CHUNK_BYTES, Line, standing

BACKEND_KEY = b"K\x00\x00\x00\x0c"  # PostgreSQL, "Message formats": BackendKeyData; the process follows, 4 bytes


class Pooler(Line):
    def __init__(self, url: str) -> None:
        super().__init__()
        with psycopg.connect(url) as line:
            known = line.info
            self._socket = f"{known.host}/.s.PGSQL.{known.port}" if known.host.startswith("/") else ""
            self._to = (known.host, known.port)
            self._place = f"{quote(known.dbname)}?user={quote(known.user)}&sslmode=disable&gssencmode=disable"
            self._password = f"&password={quote(known.password)}" if known.password else ""

    @property
    def url(self) -> str:
        return f"postgresql://127.0.0.1:{self.port}/{self._place}{self._password}"

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = asyncio.open_unix_connection(self._socket) if self._socket else asyncio.open_connection(*self._to)
        server_reader, server_writer = await opened
        try:
            await asyncio.gather(pass_on(reader, server_writer), self._back(server_reader, writer))
        finally:
            server_writer.close()

    @staticmethod
    async def _back(server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeting = await server.readuntil(BACKEND_KEY)
        await server.readexactly(4)
        writer.write(greeting + (1).to_bytes(4, "big"))
        await pass_on(server, writer)


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while some := await reader.read(CHUNK_BYTES):
        writer.write(some)
        await writer.drain()
    writer.close()


@contextmanager
def pooled(url: str) -> Iterator[str]:
    """The URL of a database through a pooler."""
    with standing(Pooler(url)) as pooler:
        yield pooler.url
