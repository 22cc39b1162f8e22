"""Recovery: what crashes and time leave behind. Every part of it may run at any moment, any number of times."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.domain.failpoints import Failpoint
from app.domain.imports import OnUnconfirmed
from app.domain.incidents import LOST
from app.domain.lifecycle import SLOW, Move, State
from app.domain.parts import Part, TryError
from app.domain.timeouts import TOKEN_OLD_SECONDS, UPLOAD_IDLE_SECONDS
from app.operations.erase import Erase
from app.scheduling.instance_context import InstanceContext
from app.scheduling.lease import Lease
from app.store import access_tokens, attention, discards, idempotency, parts
from app.store.attention import AttentionCriteria
from app.store.parts import Stale
from app.uploads.cleanup import Cleanup
from app.uploads.idempotency import forget_expired


@dataclass(frozen=True, slots=True)
class Sweep:
    context: InstanceContext
    erase: Erase
    cleanup: Cleanup
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

    async def tidy(self) -> None:
        """Take away broken-off uploads and what its retention has run out for. Needs no lease."""
        async with self.context.db.write() as tx:
            await forget_expired(tx, now=self.context.now)
            await access_tokens.forget(tx, expired_before=self.context.now() - timedelta(seconds=TOKEN_OLD_SECONDS))
            at = self.context.now()
            await discards.give_up_idle(tx, untouched_since=at - timedelta(seconds=UPLOAD_IDLE_SECONDS), at=at)
        await self.cleanup.given_up()
        await self.erase.what_is_too_old()

    async def forget_uploads(self) -> None:
        """Where this is the only process, an upload still open at the start was broken off with the last one."""
        async with self.context.db.write() as tx:
            await idempotency.free_all(tx)
            await discards.give_up_all(tx, at=self.context.now())

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
