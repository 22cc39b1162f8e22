"""A signal from one task to another. If it is sent several times before anybody waits for it, it arrives once."""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Signal:
    _sent: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def send(self) -> None:
        self._sent.set()

    async def wait(self, *, within_seconds: float | None = None) -> bool:
        """Wait until it is sent. False when the time is up first."""
        try:
            async with asyncio.timeout(within_seconds):
                await self._sent.wait()
        except TimeoutError:
            return False
        self._sent.clear()
        return True
