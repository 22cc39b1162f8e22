"""Cancel: stop what still waits of an import: a person asked for it, or nobody released it from its review."""

from dataclasses import dataclass
from datetime import datetime

from app.clock import Clock
from app.domain.errors import NotFound, WrongState
from app.domain.events import Occurrence
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.imports import FINISHED
from app.domain.lifecycle import Move
from app.domain.timeouts import REVIEW_SECONDS
from app.store import events, import_queries, imports, part_queries, parts
from app.store.database import Database
from app.store.transaction import ImportLock, Transaction

EXPIRED_AT_ONCE = 20  # imports: each may have thousands of parts


@dataclass(frozen=True, slots=True)
class Cancel:
    """Marketo cannot cancel, so only parts that wait here can be stopped. The event says who asked."""

    db: Database
    now: Clock
    hit: FailpointHit

    async def run(self, import_id: int, *, by: str) -> None:
        """Stop what is still waiting. Parts that Marketo has run to their end. To ask twice is no mistake.

        Errors: NotFound; WrongState for a finished import.
        """
        at = self.now()
        async with self.db.write() as tx:
            lock = await imports.lock(tx, import_id)
            summary = await import_queries.get_summary(tx, import_id)
            if lock is None or summary is None:
                raise NotFound(f"There is no import {import_id}.")
            if summary.status in FINISHED:
                raise WrongState(f"Import {import_id} is {summary.status}: there is nothing left to cancel.")
            await imports.end_review(tx, lock, released_at=None)
            if summary.cancel_requested_at is None:
                await imports.request_cancel(tx, import_id, at=at)
                await events.append_of(tx, lock, Occurrence.CANCEL_REQUESTED, at=at, by=by)
            await parts.move_all(tx, await part_queries.waiting_of(tx, import_id), Move.CANCEL, at=at, by=by)
        self.hit(Failpoint.DECIDED)

    async def what_nobody_released(self) -> None:
        """Imports whose review is over, a few in each transaction. Their events say why."""
        while True:
            at = self.now()
            async with self.db.write() as tx:
                locks = await imports.review_expired(tx, at=at, limit=EXPIRED_AT_ONCE)
                for lock in locks:
                    await self._expire(tx, lock, at)
            if len(locks) < EXPIRED_AT_ONCE:
                return

    async def _expire(self, tx: Transaction, lock: ImportLock, at: datetime) -> None:
        if not await imports.end_review(tx, lock, released_at=None):
            return
        await imports.request_cancel(tx, lock.import_id, at=at)
        days = round(REVIEW_SECONDS / 86_400)
        await events.append_of(tx, lock, Occurrence.REVIEW_EXPIRED, at=at, days=days)
        waiting = await part_queries.waiting_of(tx, lock.import_id)
        await parts.move_all(tx, waiting, Move.CANCEL, at=at, why=f"not released within {days} days")
