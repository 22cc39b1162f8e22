"""The lease: one worker drives one instance at a time, and shows it by a sign of life."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from app.clock import Clock
from app.domain.instances import Instance
from app.marketo.allowance import Allowance
from app.steps.lease import Lease
from app.store import instances
from app.store.database import Database


@dataclass(slots=True)
class Leases:
    """The instances that this worker drives. Kept in memory; the truth is the epoch in the database."""

    db: Database
    now: Clock
    worker: str
    seconds: float
    held: dict[str, Lease] = field(default_factory=dict)

    async def keep(self, name: str, allowance: Allowance) -> bool:
        """Give a sign of life for an instance, or take it over if nobody drives it. True when it was taken over.

        Effect: two short transactions at most; `held` afterwards says what is ours.
        """
        lease = self.held.get(name)
        if lease and await self._renew(lease, allowance):
            return False
        self.held.pop(name, None)
        return await self._take(name, allowance)

    async def give_up(self, name: str, allowance: Allowance) -> None:
        """Let another worker take the instance at once, with the calls counted to the last."""
        lease = self.held.pop(name, None)
        if lease is None:
            return
        if await self._renew(lease, allowance):
            async with self.db.write() as tx:
                await instances.give_up_lease(tx, name, epoch=lease.epoch, now=self.now())

    async def _renew(self, lease: Lease, allowance: Allowance) -> bool:
        at = self.now()
        async with self.db.write() as tx:
            return await instances.keep_lease(
                tx,
                lease.instance,
                epoch=lease.epoch,
                now=at,
                until=at + timedelta(seconds=self.seconds),
                calls_day=allowance.day.isoformat(),
                calls_today=allowance.today,
                calls_last_window=allowance.last_window,
            )

    async def _take(self, name: str, allowance: Allowance) -> bool:
        at = self.now()
        async with self.db.write() as tx:
            taken = await instances.take_lease(
                tx,
                name,
                worker=self.worker,
                now=at,
                until=at + timedelta(seconds=self.seconds),
                force=self.db.on_sqlite,  # one process: whoever held it before is dead
            )
        if taken is None:
            return False
        epoch, before = taken
        _inherit(allowance, before)
        self.held[name] = Lease(name, epoch)
        return True


def _inherit(allowance: Allowance, before: Instance) -> None:
    """Count what the last driver called: today's calls, and a full window where it did not say goodbye."""
    if before.calls_day:
        allowance.restore(date.fromisoformat(before.calls_day), before.calls_today)
    if before.worker:
        allowance.full()
