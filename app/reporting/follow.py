"""Follow: tell whoever watches an import what becomes of it.

Who waits holds no connection to the database, and asks it only when told that the import has changed; those who would
ask the same at the same moment ask once. News can get lost, so all that is watched is looked through now and then, in a
few statements however many watch.
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

LOOKS_AT_ONCE = 4  # connections; the others are for those who ask and go
PAGE_EVENTS = 100  # read at once, and held for a reader that is slow to take them
IMPORTS_AT_ONCE = 500  # in one statement


@dataclass(frozen=True, slots=True)
class Page:
    events: Sequence[Event]
    last: bool  # nothing comes after it: the import is finished, or gone


@dataclass(frozen=True, slots=True)
class Follow:
    db: Database
    subscriptions: Subscriptions
    _asked: dict[object, asyncio.Task[Any]] = field(default_factory=dict)  # and not yet begun with
    _asking: set[asyncio.Task[Any]] = field(default_factory=set)
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKS_AT_ONCE))

    async def finished(self, import_id: int, read: Read, *, within_seconds: float) -> Import | None:
        """The import as soon as it is finished; as it stands when the time is up, or when the process stops.

        None: it is gone. `read` reads it, for all who wait for it.
        """
        with self.subscriptions.subscribe(import_id) as subscriber, suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                while not self.subscriptions.ended:
                    try:
                        found = await self._once(import_id, read)
                    except AWAY:
                        await subscriber.wait(within_seconds=DATABASE_RETRY_SECONDS)
                        continue
                    if found is None or found.status in FINISHED:
                        return found
                    await subscriber.wait()
        return await self._once(import_id, read)

    async def events(self, import_id: int, *, after: int) -> AsyncGenerator[Sequence[Event], None]:
        """An import's events from behind the id `after` on, as they come; an empty page after each silence.

        Ends behind the last event of a finished import, when the process stops, and after an hour. The next page is
        read when the one before it has been taken: a slow reader makes nobody hold more than that.
        """
        time = asyncio.get_running_loop().time
        ends_at, rung = time() + STREAM_SECONDS, True
        with self.subscriptions.subscribe(import_id, seen=after) as subscriber:
            while not self.subscriptions.ended and time() < ends_at:
                if rung:
                    try:
                        page = await self._once((import_id, after), partial(self._page, import_id, after))
                    except AWAY:
                        yield ()
                        await subscriber.wait(within_seconds=DATABASE_RETRY_SECONDS)
                        continue
                    if page.events:
                        subscriber.seen = after = page.events[-1].id
                        yield page.events
                    if page.last:
                        return
                    if len(page.events) == PAGE_EVENTS:
                        continue
                rung = await subscriber.wait(within_seconds=HEARTBEAT_SECONDS)
                if not rung:
                    yield ()

    async def run(self) -> NoReturn:
        """Look through all that is watched, now and then and whenever news may be lost. Until cancelled."""
        while True:
            await self.subscriptions.invalidated(within_seconds=UNTOLD_SECONDS)
            try:
                await self.look_through()
            except AWAY as away:
                log.debug("nobody can look through what is watched", error=type(away).__name__)

    async def look_through(self) -> None:
        """Ring for what has changed without a word."""
        ids = list(self.subscriptions.subscribers)
        for start in range(0, len(ids), IMPORTS_AT_ONCE):
            some = ids[start : start + IMPORTS_AT_ONCE]
            async with self.db.read() as tx:
                found = await events.latest(tx, some)
            for import_id in some:
                latest = found.get(import_id)
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
        return Page(listed, last=latest is None or (latest.finished and latest.id <= seen))

    async def _once(self, question: object, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask, together with all who come before the asking begins: a later one may know of a later change."""

        async def in_turn() -> Answer:
            async with self._turns:
                del self._asked[question]
                return await ask()

        asked: asyncio.Task[Answer] | None = self._asked.get(question)
        if asked is None:
            asked = self._asked[question] = asyncio.create_task(in_turn())
            self._asking.add(asked)
            asked.add_done_callback(self._answered)
        return await asyncio.shield(asked)  # who goes away leaves the others their answer

    def _answered(self, asked: asyncio.Task[Any]) -> None:
        self._asking.discard(asked)
        if not asked.cancelled():
            asked.exception()  # one that nobody has stayed for is no news
