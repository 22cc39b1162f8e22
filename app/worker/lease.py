"""The lease: one worker drives one instance at a time, and shows it by a sign of life."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.instances import Instance
from app.steps.crew import Crew
from app.steps.lease import Lease
from app.store import instances, line, parts
from app.store.database import Database
from app.worker.ticks import TICKS

SIGN_SHARE = 1 / 3  # of a lease's time between two signs of life: one may be missed, and another be late
CARE_SHARE = 0.1  # of a lease's time before its end from which no call is gone on with: clocks differ


@dataclass(slots=True)
class Leases:
    """The instances that this worker drives. Kept in memory; the truth is the epoch in the database."""

    db: Database
    now: Clock
    worker: str
    seconds: float
    held: dict[str, Lease] = field(default_factory=dict)
    alone: bool = field(init=False)  # this is the only process there is: whoever held a lease before is dead

    def __post_init__(self) -> None:
        self.alone = self.db.on_sqlite

    async def keep(self, name: str, crew: Crew) -> bool:
        """Give a sign of life for an instance, or take it over if nobody drives it. True when it was taken over.

        Effect: two short transactions at most; `held` afterwards says what is ours.
        """
        return not await self.renew(name, crew) and await self._take(name, crew)

    async def renew(self, name: str, crew: Crew) -> bool:
        """Give a sign of life for an instance. False when it is not ours, or no longer."""
        lease = self.held.get(name)
        if lease and await self._renew(lease, crew):
            return True
        self.held.pop(name, None)
        return False

    def is_fresh(self, name: str) -> bool:
        """Whether the last sign of life is so young that none is due."""
        lease = self.held.get(name)
        return lease is not None and lease.until - self.now() > timedelta(seconds=self.seconds * (1 - SIGN_SHARE))

    async def give_up(self, name: str, crew: Crew) -> None:
        """Let another worker take the instance at once, with the calls counted to the last."""
        lease = self.held.pop(name, None)
        if lease is None:
            return
        if await self._renew(lease, crew):
            async with self.db.write() as tx:
                await instances.give_up_lease(tx, name, epoch=lease.epoch, now=self.now())

    async def _renew(self, lease: Lease, crew: Crew) -> bool:
        at = self.now()
        async with self.db.write() as tx:
            kept = await instances.keep_lease(
                tx,
                lease.instance,
                epoch=lease.epoch,
                now=at,
                until=self._until(at),
                calls=crew.allowance.counted(),
                pace=crew.watch.pace,
                ticked=crew.ticked,
                failing=crew.failing,
            )
            if kept:
                await self._look(tx, lease.instance, crew, at)
        if kept:
            lease.until = self._with_care(at)
        return kept

    async def _look(self, tx: AsyncConnection, name: str, crew: Crew, at: datetime) -> None:
        """Note whether an importer of Marketo has nothing from us while a part could go, and since when."""
        instance = await instances.get(tx, name)
        assert instance is not None, "we drive it"
        there, importers = await parts.states_at_marketo(tx, name), crew.watch.importers
        idle = instance.idle_importers(at, parts=there, importers=importers, queued=crew.max_queued)
        since = (instance.idle_since or at) if idle and await line.any_may_go(tx, name, now=at) else None
        if since != instance.idle_since:
            await instances.note_idle(tx, name, since=since)

    async def _take(self, name: str, crew: Crew) -> bool:
        at = self.now()
        async with self.db.write() as tx:
            taken = await instances.take_lease(
                tx,
                name,
                worker=self.worker,
                now=at,
                until=self._until(at),
                ticked=dict.fromkeys(TICKS, at),
                force=self.alone,
            )
        if taken is None:
            return False
        epoch, before = taken
        _inherit(crew, before)
        crew.ticked.update(dict.fromkeys(TICKS, at))
        self.held[name] = Lease(name, epoch, self._with_care(at))
        return True

    def _until(self, at: datetime) -> datetime:
        return at + timedelta(seconds=self.seconds)

    def _with_care(self, at: datetime) -> datetime:
        return at + timedelta(seconds=self.seconds * (1 - CARE_SHARE))


def _inherit(crew: Crew, before: Instance) -> None:
    """Count what the last driver called, and go on with what it learnt."""
    if before.calls:
        crew.allowance.go_on_from(before.calls)
    crew.watch.pace = before.pace
