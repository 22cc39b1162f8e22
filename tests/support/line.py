"""A line that stands between two others, in a thread of its own: what goes over it is up to whoever builds on it."""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

CHUNK_BYTES = 1 << 16


class Line(ABC):
    """Listens on loopback."""

    def __init__(self) -> None:
        self.port = 0
        self.loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()

    @abstractmethod
    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody called."""

    def run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._serve(started))
        self.loop.close()

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self._ended.set)

    async def _serve(self, started: threading.Event) -> None:
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
        with suppress(OSError, asyncio.CancelledError):
            await self.connected(reader, writer)
        writer.close()


Kind = TypeVar("Kind", bound=Line)


@contextmanager
def standing(line: Kind) -> Iterator[Kind]:
    """The line, for as long as it is needed."""
    started = threading.Event()
    thread = threading.Thread(target=line.run, args=(started,))
    thread.start()
    try:
        started.wait()
        yield line
    finally:
        line.end()
        thread.join()
