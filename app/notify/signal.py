"""A bell: somebody rings, somebody waits for it. Rings that come before it is heard are one."""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Signal:
    _rung: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def send(self) -> None:
        self._rung.set()

    async def wait(self, *, within_seconds: float | None = None) -> bool:
        """Wait for a ring; False when the time is up first."""
        try:
            async with asyncio.timeout(within_seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True
