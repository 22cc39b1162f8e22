"""Follows imports for callers that wait for the end of one or stream its events.

A waiting caller holds no connection to the database, and the import is read only when a notification says that it has
changed. Callers that would read the same at the same moment share one read. Notifications can get lost, so everything
that is watched is also checked now and then, in a few statements however many callers watch.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn, TypeVar

import structlog

from app.domain.imports import FINISHED, Import
from app.domain.timeouts import DATABASE_RETRY_SECONDS, HEARTBEAT_SECONDS, STREAM_SECONDS, UNTOLD_SECONDS
from app.notify.subscriptions import Subscriptions
from app.store import events
from app.store.database import AWAY, Database
from app.store.events import Event

log = structlog.get_logger()
Answer = TypeVar("Answer")
Read = Callable[[], Awaitable[Import | None]]

READS_AT_ONCE = 4  # connections to the database; the others are for requests that do not wait
PAGE_EVENTS = 100  # read at once, and held in memory for a caller that reads slowly
IMPORTS_AT_ONCE = 500  # checked in one statement


@dataclass(frozen=True, slots=True)
class Page:
    events: Sequence[Event]
    is_last: bool  # nothing comes after it: the import is finished, or erased


@dataclass(frozen=True, slots=True)
class Follow:
    """Waits for imports, on behalf of callers."""

    db: Database
    subscriptions: Subscriptions
    _waiting_reads: dict[object, asyncio.Task[Any]] = field(default_factory=dict)  # not yet begun, by what they read
    _reads: set[asyncio.Task[Any]] = field(default_factory=set)
    _connections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READS_AT_ONCE))

    async def finished(self, import_id: int, read: Read, *, within_seconds: float) -> Import | None:
        """The import as soon as it is finished; as it stands when the time is up or the process stops.

        None: it has been erased. `read` reads it, once for all who wait for it.
        """
        with self.subscriptions.subscribe(import_id) as subscriber, suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                while not self.subscriptions.ended:
                    try:
                        import_ = await self._read_together(import_id, read)
                    except AWAY:
                        await subscriber.wait(within_seconds=DATABASE_RETRY_SECONDS)
                        continue
                    if import_ is None or import_.status in FINISHED:
                        return import_
                    await subscriber.wait()
        return await self._read_together(import_id, read)

    async def events(self, import_id: int, *, after: int) -> AsyncGenerator[Sequence[Event], None]:
        """Pages of an import's events behind the id `after`, as they come; an empty page after each silence.

        It ends behind the last event of a finished import, when the process stops, and after an hour. The next page is
        read only when the caller has taken the one before, so that a slow caller holds one page in memory at most.
        """
        loop_time = asyncio.get_running_loop().time
        ends_at, has_changed = loop_time() + STREAM_SECONDS, True
        with self.subscriptions.subscribe(import_id, seen=after) as subscriber:
            while not self.subscriptions.ended and loop_time() < ends_at:
                if has_changed:
                    try:
                        page = await self._read_together((import_id, after), partial(self._page, import_id, after))
                    except AWAY:
                        yield ()
                        await subscriber.wait(within_seconds=DATABASE_RETRY_SECONDS)
                        continue
                    if page.events:
                        subscriber.seen = after = page.events[-1].id
                        yield page.events
                    if page.is_last:
                        return
                    if len(page.events) == PAGE_EVENTS:
                        continue
                has_changed = await subscriber.wait(within_seconds=HEARTBEAT_SECONDS)
                if not has_changed:
                    yield ()

    async def run(self) -> NoReturn:
        """Check everything that is watched, now and then and whenever notifications may be lost. Until cancelled."""
        while True:
            await self.subscriptions.invalidated(within_seconds=UNTOLD_SECONDS)
            try:
                await self.look_through()
            except AWAY as away:
                log.debug("nobody can look through what is watched", error=type(away).__name__)

    async def look_through(self) -> None:
        """Notify the subscribers of every import that has changed without a notification."""
        ids = list(self.subscriptions.subscribers)
        for start in range(0, len(ids), IMPORTS_AT_ONCE):
            batch = ids[start : start + IMPORTS_AT_ONCE]
            async with self.db.read() as tx:
                latest_by_import = await events.latest(tx, batch)
            for import_id in batch:
                latest = latest_by_import.get(import_id)
                for subscriber in self.subscriptions.subscribers.get(import_id, ()):
                    if (
                        latest is None
                        or latest.finished
                        or (subscriber.seen is not None and subscriber.seen < latest.id)
                    ):
                        subscriber.send()

    async def _page(self, import_id: int, after: int) -> Page:
        async with self.db.read() as tx:
            listed = await events.page(tx, import_id, after=after, size=PAGE_EVENTS)
            latest = (await events.latest(tx, [import_id])).get(import_id)
        seen = listed[-1].id if listed else after
        return Page(listed, is_last=latest is None or (latest.finished and latest.id <= seen))

    async def _read_together(self, key: object, read: Callable[[], Awaitable[Answer]]) -> Answer:
        """Read, together with all who ask before the read begins. Who asks later may know of a later change."""

        async def read_in_turn() -> Answer:
            async with self._connections:
                del self._waiting_reads[key]
                return await read()

        task: asyncio.Task[Answer] | None = self._waiting_reads.get(key)
        if task is None:
            task = self._waiting_reads[key] = asyncio.create_task(read_in_turn())
            self._reads.add(task)
            task.add_done_callback(self._on_read)
        return await asyncio.shield(task)  # a caller that goes away does not cancel the read of the others

    def _on_read(self, task: asyncio.Task[Any]) -> None:
        self._reads.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not warn where no caller has stayed
