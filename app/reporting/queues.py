"""The queues of all instances at one moment. What waits is summed once for all who ask at about the same time."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.imports import ImportStatus
from app.reporting.costly import Costly
from app.store import queue_summary
from app.store.queue_summary import QueueSummary, Waiting

Unfinished = Mapping[str, Mapping[ImportStatus, int]]
"""How many imports are unfinished, by instance and status."""


@dataclass(frozen=True, slots=True)
class QueueReader:
    """Both sums go over everything that waits; all else of a queue is read anew each time."""

    now: Clock
    _waiting: Costly[Mapping[str, Waiting]]
    _unfinished: Costly[Unfinished]

    @classmethod
    def of(cls, now: Clock) -> "QueueReader":
        return cls(now, Costly(now), Costly(now))

    async def read_in(self, tx: AsyncConnection) -> Mapping[str, QueueSummary]:
        """The unfinished parts and jobs of each instance that has any, by its name."""
        waiting = await self._waiting.get("all", lambda: queue_summary.waiting(tx))
        return await queue_summary.summaries(tx, waiting, now=self.now())

    async def unfinished_in(self, tx: AsyncConnection) -> Unfinished:
        return await self._unfinished.get("all", lambda: queue_summary.unfinished_imports(tx))
