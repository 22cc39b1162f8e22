"""The queues of all instances at one moment. What waits is summed once for all who ask at about the same time."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.imports import ImportStatus
from app.reporting.costly import Costly
from app.store import queue_summary
from app.store.database import Database
from app.store.queue_summary import QueueSummary, Waiting

WaitingParts = Mapping[str, Waiting]
Unfinished = Mapping[str, Mapping[ImportStatus, int]]
"""How many imports are unfinished, by instance and status."""


@dataclass(frozen=True, slots=True)
class QueueReader:
    """Both sums go over everything that waits; all else of a queue is read anew each time."""

    now: Clock
    _waiting: Costly[WaitingParts]
    _unfinished: Costly[Unfinished]

    @classmethod
    def of(cls, db: Database, now: Clock) -> "QueueReader":
        return cls(now, Costly(db, now, _parts), Costly(db, now, _imports))

    async def read_in(self, tx: AsyncConnection) -> Mapping[str, QueueSummary]:
        """The unfinished parts and jobs of each instance that has any, by its name."""
        waiting = await self._waiting.get(tx, "all", queue_summary.waiting)
        return await queue_summary.summaries(tx, waiting, now=self.now())

    async def unfinished_in(self, tx: AsyncConnection) -> Unfinished:
        return await self._unfinished.get(tx, "all", queue_summary.unfinished_imports)


def _parts(waiting: WaitingParts) -> int:
    return sum(each.parts + each.review_parts for each in waiting.values())


def _imports(unfinished: Unfinished) -> int:
    return sum(imports for of_instance in unfinished.values() for imports in of_instance.values())
