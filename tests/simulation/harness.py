"""The database of all the processes of a life: each has a door of its own to it, and they take turns.

SQLite is as in service, but that its statements are done on the spot instead of in a thread.
"""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.pipeline.finish import finish
from app.store.database import Database
from app.store.sqlite_driver import OneTrip
from app.store.tables import metadata
from tests.simulation.loop import SteppedLoop
from tests.support import databases

MEMORY = Path("/dev/shm")
Pause = Callable[[], Awaitable[None]]
Look = Callable[[AsyncConnection], Awaitable[None]]


class Ground(Database):
    """The database itself. One transaction at a time; meanwhile time stands still."""

    def __init__(self, url: str, loop: SteppedLoop) -> None:
        super().__init__(url, finish=finish)
        self.loop = loop
        self.turn = asyncio.Lock()
        if self.on_sqlite:
            for engine in (self._writer, self._reader):
                event.listen(engine.sync_engine, "do_connect", _on_the_spot)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        async with self._at_work(), super().write() as tx:
            yield tx

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with self._at_work(), super().read() as tx:
            yield tx

    async def close(self) -> None:
        async with self._at_work():
            await super().close()

    async def empty(self) -> None:
        """As new, the numbers that it gives included."""
        tables = [table.name for table in reversed(metadata.sorted_tables)]
        async with self.write() as tx:
            if self.on_sqlite:
                for name in [*tables, "sqlite_sequence"]:
                    await tx.execute(text(f'DELETE FROM "{name}"'))
            else:
                names = ", ".join(f'"{name}"' for name in tables)
                await tx.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))

    @asynccontextmanager
    async def _at_work(self) -> AsyncIterator[None]:
        async with self.turn:
            self.loop.busy = True
            try:
                yield
            finally:
                self.loop.busy = False


class Door(Database):
    """A process's way to the ground.

    `pause` is awaited before and behind each transaction, never within one; `look` before each commit.
    """

    def __init__(self, ground: Ground, pause: Pause, look: Look) -> None:
        self.url, self.on_sqlite, self.file = ground.url, ground.on_sqlite, None
        self.ground, self.pause, self.look = ground, pause, look
        self.vault = ground.vault

    @property
    def engines(self) -> tuple[AsyncEngine, ...]:
        return self.ground.engines

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        await self.pause()
        async with self.ground.write() as tx:
            yield tx
            await self.look(tx)
        await self.pause()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        await self.pause()
        async with self.ground.read() as tx:
            yield tx

    async def close(self) -> None:
        """The ground stays."""


class _Queue:
    """Does what it is given instead of keeping it."""

    def put_nowait(self, deed: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, function = deed
        done = function()
        if future:
            future.set_result(done)


class OnTheSpot(OneTrip):
    """A connection without a thread."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._tx = _Queue()

    def __await__(self) -> Any:
        return self._connect().__await__()


def _on_the_spot(_dialect: object, _record: object, args: list[Any], known: dict[str, Any]) -> None:
    known["async_creator_fn"] = lambda path, **options: OnTheSpot(lambda: sqlite3.connect(path, **options), 64)


@asynccontextmanager
async def ground_on(url: str, loop: SteppedLoop) -> AsyncIterator[Ground]:
    found = Ground(url, loop)
    try:
        yield found
    finally:
        await found.close()


@asynccontextmanager
async def sqlite_ground(loop: SteppedLoop) -> AsyncIterator[Ground]:
    """In memory where there is such a disk: nothing is lost but a process."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
        template = databases.sqlite_template(Path(folder))
        yield await stack.enter_async_context(ground_on(f"sqlite:///{template}", loop))


@asynccontextmanager
async def postgres_ground(loop: SteppedLoop) -> AsyncIterator[Ground]:
    async with AsyncExitStack() as stack:
        server = stack.enter_context(databases.postgres_server())
        template = stack.enter_context(databases.postgres_template(server))
        url = stack.enter_context(databases.postgres_copy(server, template))
        yield await stack.enter_async_context(ground_on(url, loop))
