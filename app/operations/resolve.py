"""Resolve: a person decides what an unconfirmed part is, because nobody else can know it."""

from dataclasses import dataclass

from app.clock import Clock
from app.domain.errors import NotFound, WrongState
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.lifecycle import Move
from app.notify.wakeup import Wakeup
from app.store import part_queries, parts
from app.store.database import Database
from app.store.parts import Stale


@dataclass(frozen=True, slots=True)
class Resolve:
    """The event of the move says who decided."""

    db: Database
    now: Clock
    wakeup: Wakeup
    hit: FailpointHit

    async def run(self, import_id: int, number: int, *, batch_id: int | None, by: str) -> None:
        """Decide an unconfirmed part: Marketo has it as `batch_id`, or (None) it is to be sent again.

        Errors: NotFound; WrongState for a part that is not unconfirmed, and for a batch that is another part's.
        """
        at = self.now()
        async with self.db.write() as tx:
            part = next((part for part in await part_queries.of_import(tx, import_id) if part.number == number), None)
            if part is None:
                raise NotFound(f"There is no part {number} of an import {import_id}.")
            if batch_id is not None and (other := await part_queries.other_with_batch(tx, part, batch_id)):
                owner = f"part {other.number} of import {other.import_id}"
                raise WrongState(f"Batch {batch_id} is {owner} already. Look for this part's own in Marketo.")
            values = {"batch_id": batch_id, "due_at": None}
            try:
                if batch_id is None:
                    await parts.move(tx, part.id, Move.RESUBMIT, at=at, values=values, by=by)
                else:
                    await parts.move(tx, part.id, Move.ACCEPT, at=at, values=values, by=by, batch_id=batch_id)
            except Stale:
                message = f"Part {number} is {part.state}: only an unconfirmed part can be resolved."
                raise WrongState(message) from None
        self.hit(Failpoint.DECIDED)
        self.wakeup.send()
