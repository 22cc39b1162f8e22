"""Release: let an import go that was sent with `review=true`, because a person has looked at it."""

from dataclasses import dataclass

from app.clock import Clock
from app.domain.errors import NotFound, WrongState
from app.domain.events import Occurrence
from app.domain.failpoints import Failpoint, FailpointHit
from app.notify.wakeup import Wakeup
from app.store import events, import_queries, imports, parts
from app.store.database import Database


@dataclass(frozen=True, slots=True)
class Release:
    """The import takes its place in the order of acceptance now; before, it held nobody back. The event says who."""

    db: Database
    now: Clock
    wakeup: Wakeup
    hit: FailpointHit

    async def run(self, import_id: int, *, by: str) -> None:
        """Let its parts go. Errors: NotFound; WrongState nothing_to_release, where it is not under review (any more).

        What is over its time is not released, also where maintenance has not cancelled it yet.
        """
        at = self.now()
        async with self.db.write() as tx:
            lock = await imports.lock(tx, import_id)
            summary = await import_queries.get_summary(tx, import_id)
            if lock is None or summary is None:
                raise NotFound(f"There is no import {import_id}.")
            if summary.review_until is None or summary.review_until <= at:
                raise WrongState(_why_not(import_id, summary), code="nothing_to_release")
            await imports.end_review(tx, lock, released_at=at)
            accepted_seq = await events.append_of(tx, lock, Occurrence.RELEASED, at=at, by=by)
            not_before = summary.request.not_before
            due_at = not_before if not_before and not_before > at else None
            await parts.line_up(tx, lock, accepted_seq=accepted_seq, due_at=due_at, at=at)
        self.hit(Failpoint.DECIDED)
        self.wakeup.send()


def _why_not(import_id: int, summary: import_queries.ImportSummary) -> str:
    if summary.review_until:
        return f"The review of import {import_id} is over: it was not released in time, and is cancelled."
    return f"Import {import_id} is {summary.status}, and not under review."
