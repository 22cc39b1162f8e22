"""The desk: what a person may do. Each deed is an event that says who did it."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.errors import NotFound, WrongState
from app.domain.events import Occurrence
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.imports import FINISHED
from app.domain.lifecycle import Move
from app.notify.wakeup import Wakeup
from app.store import events, imports, instances, parts
from app.store.database import Database
from app.store.parts import Stale


@dataclass(frozen=True, slots=True)
class Desk:
    db: Database
    now: Clock
    wakeup: Wakeup
    hit: FailpointHit

    async def cancel(self, import_id: int, *, by: str) -> None:
        """Stop what is still waiting. Marketo cannot cancel: parts that it has run to their end.

        Errors: NotFound; WrongState for a finished import. To ask twice is no mistake.
        """
        at = self.now()
        async with self.db.write() as tx:
            known = await imports.get_summary(tx, import_id, lock=True)
            if known is None:
                raise NotFound(f"There is no import {import_id}.")
            if known.status in FINISHED:
                raise WrongState(f"Import {import_id} is {known.status}: there is nothing left to cancel.")
            if known.cancel_requested_at is None:
                await imports.request_cancel(tx, import_id, at=at)
                await events.append(
                    tx, Occurrence.CANCEL_REQUESTED, at=at, instance=known.request.instance, import_id=import_id, by=by
                )
            await parts.move_all(tx, await parts.waiting_of(tx, import_id), Move.CANCEL, at=at, by=by)
        self.hit(Failpoint.DECIDED)

    async def resolve(self, import_id: int, number: int, *, batch_id: int | None, by: str) -> None:
        """Decide an unconfirmed part: Marketo has it as `batch_id`, or (None) it is to be sent again.

        Errors: NotFound; WrongState for a part that is not unconfirmed, and for a batch that is another part's.
        """
        at = self.now()
        async with self.db.write() as tx:
            found = [part for part in await parts.of_import(tx, import_id) if part.number == number]
            if not found:
                raise NotFound(f"There is no part {number} of an import {import_id}.")
            if batch_id is not None and (other := await parts.other_with_batch(tx, found[0], batch_id)):
                whose = f"part {other.number} of import {other.import_id}"
                raise WrongState(f"Batch {batch_id} is {whose} already. Look for this part's own in Marketo.")
            how = Move.RESUBMIT if batch_id is None else Move.ACCEPT
            try:
                await parts.move(
                    tx, found[0].id, how, at=at, values={"batch_id": batch_id, "due_at": None}, by=by, batch_id=batch_id
                )
            except Stale:
                state = found[0].state
                raise WrongState(f"Part {number} is {state}: only an unconfirmed part can be resolved.") from None
        self.hit(Failpoint.DECIDED)
        self.wakeup.send()

    async def pause(self, name: str, *, reason: str | None, by: str) -> None:
        """Submit nothing new to an instance; what is at Marketo is followed to its end. Errors: NotFound."""
        at = self.now()
        async with self.db.write() as tx:
            await self._know(tx, name)
            await instances.pause(tx, name, at=at, reason=reason, by=by)
            await events.append(tx, Occurrence.PAUSED, at=at, instance=name, by=by, reason=reason)
        self.hit(Failpoint.DECIDED)

    async def resume(self, name: str, *, by: str) -> None:
        """Undo a pause, and try at once a blocked instance, and whatever waits to be tried again. Errors: NotFound."""
        at = self.now()
        async with self.db.write() as tx:
            await self._know(tx, name)
            await instances.resume(tx, name, at=at)
            await parts.try_again(tx, name)
            await events.append(tx, Occurrence.RESUMED, at=at, instance=name, by=by)
        self.hit(Failpoint.DECIDED)
        self.wakeup.send()

    async def _know(self, tx: AsyncConnection, name: str) -> None:
        if await instances.get(tx, name) is None:
            raise NotFound(f"There is no instance {name!r}.")
