"""Something new to do: the API says so, the worker in the same process hears it at once.

A worker in another process finds out at its next tick.
"""

import asyncio


class Wake:
    def __init__(self) -> None:
        self._bell = asyncio.Event()

    def ring(self) -> None:
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
