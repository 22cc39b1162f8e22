"""Something new to do: whoever brings it rings, and the worker looks at once instead of at its next tick.

Within a process this is all there is to it. Between processes PostgreSQL carries the rings (store/notices.py).
"""

import asyncio
from dataclasses import dataclass, field

from app.outbox import Outbox


@dataclass(slots=True)
class Wake:
    outbox: Outbox = field(default_factory=Outbox)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """There is something new to do, here or in another process."""
        self._bell.set()
        self.outbox.ring()

    def hear(self) -> None:
        """Another process rang."""
        self._bell.set()

    async def heard(self, *, within_seconds: float) -> bool:
        """Wait for a ring; False when the time is up first."""
        try:
            async with asyncio.timeout(within_seconds):
                await self._bell.wait()
        except TimeoutError:
            return False
        self._bell.clear()
        return True
