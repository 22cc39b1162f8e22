"""Sweep: what crashes and time leave behind. Every part of it may run at any moment, any number of times."""

from dataclasses import dataclass
from datetime import timedelta

from app.clock import Clock
from app.domain.imports import OnUnconfirmed, Part
from app.domain.lifecycle import Move, State
from app.domain.patience import UPLOAD_IDLE_SECONDS, Patience
from app.steps.lease import Lease
from app.store import imports, parts
from app.store.database import Database
from app.store.parts import Stale


@dataclass(frozen=True, slots=True)
class Retention:
    file_days: float
    result_days: float
    history_days: float


@dataclass(frozen=True, slots=True)
class Sweep:
    db: Database
    now: Clock
    patience: Patience
    retention: Retention

    async def take_over(self, lease: Lease) -> int:
        """A new driver's first deed: nobody alive will record what its predecessor was submitting."""
        async with self.db.read() as tx:
            orphans = await parts.in_states(tx, lease.instance, {State.SUBMITTING})
        return sum([await self._lose(lease, part, "the worker that submitted it is gone") for part in orphans])

    async def run_once(self, lease: Lease) -> bool:
        """Judge claims past their deadline, and unconfirmed parts whose settling time is over."""
        at = self.now()
        async with self.db.read() as tx:
            late = await parts.in_states(tx, lease.instance, {State.SUBMITTING}, due=at)
            settled = await parts.in_states(tx, lease.instance, {State.UNCONFIRMED}, due=at)
        moved = [await self._lose(lease, part, "its submission was not recorded in time") for part in late]
        moved += [await self._resubmit(lease, part) for part in settled]
        return any(moved)

    async def tidy(self) -> None:
        """Take away broken-off uploads and what its retention has run out for. Needs no lease."""
        at = self.now()
        days = self.retention
        async with self.db.write() as tx:
            await imports.discard_abandoned(tx, untouched_since=at - timedelta(seconds=UPLOAD_IDLE_SECONDS))
            await imports.erase(
                tx,
                files_before=at - timedelta(days=days.file_days),
                results_before=at - timedelta(days=days.result_days),
                all_before=at - timedelta(days=days.history_days),
            )

    async def forget_uploads(self) -> None:
        """Where this is the only process, an upload still open at the start was broken off with the last one."""
        async with self.db.write() as tx:
            await imports.discard_abandoned(tx, untouched_since=self.now() + timedelta(days=1))

    async def _lose(self, lease: Lease, part: Part, why: str) -> bool:
        at = self.now()
        values = {"due_at": self.patience.settled(at), "attempts": part.attempts + 1}
        return await self._move(lease, part, Move.LOSE, values, why=why)

    async def _resubmit(self, lease: Lease, part: Part) -> bool:
        async with self.db.read() as tx:
            standing = await imports.standing(tx, part.import_id)
        if standing is None or standing.request.on_unconfirmed is OnUnconfirmed.HOLD:
            return False
        return await self._move(lease, part, Move.RESUBMIT, {"due_at": None}, by="policy")

    async def _move(self, lease: Lease, part: Part, how: Move, values: dict[str, object], **told: object) -> bool:
        async with self.db.write() as tx:
            try:
                await parts.move(tx, part.id, how, at=self.now(), epoch=lease.epoch, values=values, **told)
            except Stale:
                return False
        return True
