"""Those who read from SQLite: counted, and held up for a moment while its write-ahead log begins anew.

The log can only begin anew when nobody reads. Where there is always somebody, it grows until the disk is full.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class Readers:
    _reading: int = 0
    _nobody: asyncio.Event = field(default_factory=_set)
    _admitted: asyncio.Event = field(default_factory=_set)

    @asynccontextmanager
    async def reading(self, *, nested: bool) -> AsyncIterator[None]:
        """`nested`: within another transaction of the same task, which must come to its end."""
        if not nested:
            await self._admitted.wait()
        self._reading += 1
        self._nobody.clear()
        try:
            yield
        finally:
            self._reading -= 1
            if not self._reading:
                self._nobody.set()

    @asynccontextmanager
    async def held_up(self, *, within_seconds: float) -> AsyncIterator[bool]:
        """Let nobody begin to read. True once those who do have ended; False where that takes longer."""
        self._admitted.clear()
        try:
            yield await self.have_ended(within_seconds=within_seconds)
        finally:
            self._admitted.set()

    async def have_ended(self, *, within_seconds: float) -> bool:
        """Wait until nobody reads; False where that takes longer."""
        try:
            async with asyncio.timeout(within_seconds):
                await self._nobody.wait()
        except TimeoutError:
            return False
        return True
