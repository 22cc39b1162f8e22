"""Sums over very much: kept for a time in proportion, so that they cost little, and nobody waits for them for long."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.store.database import Database

MANY = 10_000  # of what is summed: where it is less, each sum is as of now
KEPT_TIMES = 20.0  # as long as it took to read: at most a twentieth of a core goes into reading it
KEPT_MOST_SECONDS = 10.0
TOLD_SECONDS = 15.0  # until then it is told as it was, while it is read anew

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    read_at: float  # by the monotonic clock
    fresh_seconds: float
    told_seconds: float


@dataclass(slots=True)
class Costly(Generic[T]):
    """A sum by its name, as it is; as it was a moment ago, where it is a sum over very much."""

    db: Database
    now: Clock
    size: Callable[[T], int]  # over how much it sums
    least_seconds: float = 0.0  # how long it is kept, however little that is
    _kept: dict[str, _Kept[T]] = field(default_factory=dict)
    _reading: dict[str, "asyncio.Task[T]"] = field(default_factory=dict)  # anew, while it is told as it was

    async def get(self, tx: AsyncConnection | None, name: str, read: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """`read` is given the transaction `tx`, or one of its own that may outlive it. Errors: those of `read`.

        Who has no transaction open needs none where the sum is kept.
        """
        kept = self._kept.get(name)
        if kept is not None:
            age = self.now.monotonic() - kept.read_at
            if kept.fresh_seconds <= age < kept.told_seconds:
                self._read_aside(name, read)
            if age < max(kept.fresh_seconds, kept.told_seconds):
                return kept.value
        return await (self._read_alone(name, read) if tx is None else self._read(tx, name, read))

    async def _read_alone(self, name: str, read: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with self.db.read() as tx:
            return await self._read(tx, name, read)

    async def _read(self, tx: AsyncConnection, name: str, read: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        begun = self.now.monotonic()
        value = await read(tx)
        fresh, told = self.least_seconds, 0.0
        if self.size(value) >= MANY:
            took = self.now.monotonic() - begun
            fresh, told = max(fresh, min(KEPT_MOST_SECONDS, KEPT_TIMES * took)), TOLD_SECONDS
        self._kept[name] = _Kept(value, begun, fresh, told)
        return value

    def _read_aside(self, name: str, read: Callable[[AsyncConnection], Awaitable[T]]) -> None:
        if name not in self._reading:
            # its context is not that of whoever asks, who has a transaction open
            task = asyncio.get_running_loop().create_task(self._read_alone(name, read), context=Context())
            task.add_done_callback(lambda done: self._has_ended(name, done))
            self._reading[name] = task

    def _has_ended(self, name: str, task: "asyncio.Task[T]") -> None:
        """Mark its error as retrieved: who asks next once it is told no more meets it, if it is still there."""
        self._reading.pop(name, None)
        if not task.cancelled():
            task.exception()
