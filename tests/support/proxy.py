"""A line to PostgreSQL that can go dead: everything stays open, and nothing comes through any more."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Listens on loopback and passes bytes on to a server's Unix socket."""

    def __init__(self, socket_path: str) -> None:
        self.socket_path = socket_path
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._ended = asyncio.Event()

    def silence(self) -> None:
        self._loop.call_soon_threadsafe(self._open.clear)

    def speak(self) -> None:
        self._loop.call_soon_threadsafe(self._open.set)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)

    def run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(started))
        self._loop.close()

    async def _serve(self, started: threading.Event) -> None:
        self._open.set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._ended.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        away_reader, away_writer = await asyncio.open_unix_connection(self.socket_path)
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._pass(reader, away_writer), self._pass(away_reader, writer))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while some := await source.read(1 << 16):
                await self._open.wait()
                sink.write(some)
                await sink.drain()
        finally:
            sink.close()


@contextmanager
def proxied(socket_path: str) -> Iterator[Proxy]:
    proxy, started = Proxy(socket_path), threading.Event()
    thread = threading.Thread(target=proxy.run, args=(started,))
    thread.start()
    try:
        started.wait()
        yield proxy
    finally:
        proxy.end()
        thread.join()
