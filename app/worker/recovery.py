"""Recovery: what crashes and time leave behind. Every part of it may run at any moment, any number of times."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.domain.failpoints import Failpoint
from app.domain.imports import OnUnconfirmed
from app.domain.incidents import LOST
from app.domain.lifecycle import SLOW, Move, State
from app.domain.parts import Part, TryError
from app.scheduling.instance_context import InstanceContext
from app.scheduling.lease import Lease
from app.store import attention, parts
from app.store.attention import AttentionCriteria
from app.store.parts import Stale


@dataclass(frozen=True, slots=True)
class Recovery:
    context: InstanceContext
    stuck_seconds: float

    async def take_over(self, lease: Lease) -> int:
        """A new driver's first deed: nobody alive will record what its predecessor was submitting."""
        self.context.hit(Failpoint.TAKEN_OVER)
        async with self.context.db.read() as tx:
            orphans = await parts.in_states(tx, lease.instance, {State.SUBMITTING})
        return sum([await self._lose(lease, part, "the worker that submitted it is gone") for part in orphans])

    async def run_once(self, lease: Lease) -> bool:
        """Judge claims past their deadline, and unconfirmed parts whose settling time is over."""
        at, jump_id = self.context.now(), self.context.now.jump_id
        async with self.context.db.read() as tx:
            late = await parts.in_states(tx, lease.instance, {State.SUBMITTING}, due=at)
            settled = await parts.in_states(tx, lease.instance, {State.UNCONFIRMED}, due=at)
        self.context.now.expect(jump_id)
        async with self.context.writing(lease) as (tx, _):
            await parts.set_free_of_the_ended(tx, lease.instance)
        self.context.hit(Failpoint.SET_FREE)
        moved = [await self._lose(lease, part, "its submission was not recorded in time") for part in late]
        moved += [await self._resubmit(lease, part) for part in settled]
        await self._tell_of_the_stuck(lease)
        return any(moved)

    async def _tell_of_the_stuck(self, lease: Lease) -> None:
        """Once of each part, while it is where it is: whoever asks is shown it by the time alone (NO_SILENCE)."""
        at = self.context.now()
        by = AttentionCriteria(at, self.stuck_seconds)
        async with self.context.db.read() as tx:
            found = await parts.stuck_untold(tx, lease.instance, since=by.stuck_since)
            get_on = bool(found) and await attention.moves(tx, lease.instance, by)
        for part in found:
            if part.state in SLOW or not get_on:
                with suppress(Stale):
                    async with self.context.writing(lease) as (tx, _):
                        await parts.tell_stuck(tx, part, at=at)

    async def _lose(self, lease: Lease, part: Part, why: str) -> bool:
        at = self.context.now()
        async with self.context.db.read() as tx:
            settled = await self.context.settled(tx, part, at)
        values = {"due_at": settled, "attempts": part.attempts + 1}
        values |= parts.tried(TryError(LOST, why, at), failing_since=None)
        moved = await self._move(lease, part, Move.LOSE, values, beside={"error": why}, why=why)
        self.context.hit(Failpoint.JUDGED_LOST)
        return moved

    async def _resubmit(self, lease: Lease, part: Part) -> bool:
        standing = await self.context.standing(part)
        if standing.request.on_unconfirmed is OnUnconfirmed.HOLD:
            return False
        moved = await self._move(lease, part, Move.RESUBMIT, {"due_at": None}, by="policy")
        self.context.hit(Failpoint.SENT_BACK)
        return moved

    async def _move(self, lease: Lease, part: Part, how: Move, values: dict[str, object], **told: Any) -> bool:
        try:
            async with self.context.writing(lease) as (tx, _):
                await parts.move(tx, part.id, how, at=self.context.now(), values=values, **told)
        except Stale:
            return False
        return True
