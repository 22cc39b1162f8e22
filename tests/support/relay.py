"""A line between a caller and a service that breaks on order."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK_BYTES = 1 << 16


class Relay:
    """Listens on loopback and passes bytes on. `requests` are the first bytes of each request, as they came."""

    def __init__(self, port: int) -> None:
        self.url = ""
        self.requests: list[bytes] = []
        self._to = port
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._swallow = b""
        self._swallowed = threading.Event()

    def lose_answer_to(self, request: bytes) -> None:
        """The next request that begins so arrives, and the line breaks instead of the answer."""
        self._swallow = request

    @property
    def has_broken(self) -> bool:
        return self._swallowed.is_set()

    def run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(started))
        self._loop.close()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)

    async def _serve(self, started: threading.Event) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started.set()
        await self._ended.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        away_reader, away_writer = await asyncio.open_connection("127.0.0.1", self._to)
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._there(reader, away_writer), self._back(away_reader, writer))
        for line in (writer, away_writer):
            line.close()

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


@contextmanager
def relayed(port: int) -> Iterator[Relay]:
    relay, started = Relay(port), threading.Event()
    thread = threading.Thread(target=relay.run, args=(started,))
    thread.start()
    try:
        started.wait()
        yield relay
    finally:
        relay.end()
        thread.join()
