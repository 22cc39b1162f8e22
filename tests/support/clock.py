"""A clock that only moves when a test says so, or when somebody sleeps by it."""

import asyncio
from datetime import UTC, datetime, timedelta


class SteppedClock:
    def __init__(self, at: datetime = datetime(2026, 11, 4, 12, tzinfo=UTC)) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.step(seconds)
        await asyncio.sleep(0)

    def step(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
