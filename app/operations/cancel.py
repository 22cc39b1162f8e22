"""Cancel: stop what is still waiting of an import, because a person asked for it."""

from dataclasses import dataclass

from app.clock import Clock
from app.domain.errors import NotFound, WrongState
from app.domain.events import Occurrence
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.imports import FINISHED
from app.domain.lifecycle import Move
from app.store import events, import_queries, imports, part_queries, parts
from app.store.database import Database


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
            if summary.cancel_requested_at is None:
                await imports.request_cancel(tx, import_id, at=at)
                await events.append_of(tx, lock, Occurrence.CANCEL_REQUESTED, at=at, by=by)
            await parts.move_all(tx, await part_queries.waiting_of(tx, import_id), Move.CANCEL, at=at, by=by)
        self.hit(Failpoint.DECIDED)
