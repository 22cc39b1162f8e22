"""Cleanup: undoes what a failed request has stored, and tries again until the database takes it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, repeat
from typing import NoReturn

import structlog

from app.clock import Clock
from app.domain.timeouts import INSIST_SECONDS
from app.notify.signal import Signal
from app.store import discards, disk_usage
from app.store.database import AWAY, Database, cause

log = structlog.get_logger()

SHORT_FLOORS = 2  # of free space, below which a disk is short of it
TakeBack = Callable[[], Awaitable[None]]
"""May be called again and again: what is gone already is no mistake."""


@dataclass(slots=True)
class Cleanup:
    """Kept in memory. Whoever dies with something left leaves it to the next maintenance run."""

    db: Database
    now: Clock
    disk_floor_bytes: int  # free space under which nothing is taken in: what is freed in the file is given back then
    _left: dict[Hashable, TakeBack] = field(default_factory=dict)
    _signal: Signal = field(default_factory=Signal)

    async def take_back(self, key: Hashable, take_back: TakeBack) -> None:
        """Do it now if the database takes it, and later if not."""
        try:
            await take_back()
        except AWAY as away:
            log.warning("what a request has left is taken back later", error=cause(away))
            self._left[key] = take_back
            self._signal.send()

    async def take_back_upload(self, import_id: int) -> None:
        """Take away an upload now if the database takes it, and later if not."""
        await self.take_back(import_id, partial(self.upload, import_id))

    async def upload(self, import_id: int) -> None:
        """Take away what is stored of an upload that did not become an import."""
        async with self.db.write() as tx:
            await discards.give_up(tx, import_id, at=self.now())
        await self.given_up(import_id)

    async def given_up(self, import_id: int | None = None) -> None:
        """Take away uploads that were given up, and give the room that they took back to a disk that is short of it."""
        more = True
        while more:
            async with self.db.write() as tx:
                more = await discards.go_on(tx, import_id)
        if self._is_short():
            while await self.db.give_back():
                pass
            await self.db.empty_log()

    def _is_short(self) -> bool:
        """What is free within the file is taken by the next upload; if none is taken in, it has to leave the file."""
        free = disk_usage.free_bytes(self.db)
        return free is not None and free < SHORT_FLOORS * self.disk_floor_bytes

    async def again(self) -> bool:
        """Try once more what could not be taken back. True: nothing is left of it."""
        for key, take_back in list(self._left.items()):
            try:
                await take_back()
            except AWAY:
                return False
            self._left.pop(key, None)
        return not self._left

    async def run(self) -> NoReturn:
        """Try again while something is left. Until cancelled."""
        while True:
            await self._signal.wait()
            for wait in chain(INSIST_SECONDS, repeat(INSIST_SECONDS[-1])):
                if await self.again():
                    break
                await asyncio.sleep(wait)
