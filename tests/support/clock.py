"""A clock that only moves when a test says so, or when somebody sleeps by it."""

import asyncio
from datetime import UTC, datetime, timedelta

from app.clock import Clock, Reading


class SteppedClock(Clock):
    """`step` lets time pass. `jump` sets the machine's time of day, and no time passes."""

    def __init__(self, at: datetime = datetime(2026, 11, 4, 12, tzinfo=UTC)) -> None:
        self.elapsed, self.begun_at, self.set_by = 0.0, at, timedelta()
        super().__init__(self._machine, lambda: self.elapsed)

    def _machine(self) -> datetime:
        return self.begun_at + timedelta(seconds=self.elapsed) + self.set_by

    @property
    def at(self) -> datetime:
        return self()

    @at.setter
    def at(self, at: datetime) -> None:
        """Let time pass until then."""
        self.step((at - self()).total_seconds())

    def seconds(self) -> float:
        """The true time, which Marketo has whatever our machine says."""
        return self.begun_at.timestamp() + self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.step(seconds)
        await asyncio.sleep(0)

    def step(self, seconds: float) -> None:
        self.elapsed = round(self.elapsed + seconds, 6)

    def jump(self, seconds: float) -> None:
        self.set_by += timedelta(seconds=seconds)

    def follow(self, seconds: float) -> None:
        """As `jump`, and it is noticed and followed."""
        self.jump(seconds)
        self.set(Reading(self.wall(), self.monotonic()))
