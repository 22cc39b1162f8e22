"""Leases: at most one worker drives an instance at a time, and renews its lease by a heartbeat.

A worker knows by its monotonic clock how long its own lease lasts. It judges another worker's lease by the database's
time, which all workers share, and only while that clock has not jumped.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock, ClockJumped
from app.domain.instances import Instance
from app.domain.timeouts import CLOCK_TOLERANCE_SECONDS
from app.scheduling.lease import Lease
from app.store import clock_jumps, instances, job_queries, waiting_queue
from app.store.database import Database
from app.store.instances import LeaseTerm, SignOfLife
from app.store.transaction import Transaction
from app.worker.instance_worker import InstanceWorker
from app.worker.timetable import TICKS

HEARTBEAT_SHARE = 1 / 3  # of a lease's time between two heartbeats: one may be lost and the next one late
CARE_SHARE = 0.1  # of a lease's time: in this last part of it no call is made any more, as clocks differ
NEVER_TOO_LATE = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Leases:
    """The instances that this worker drives. Kept in memory; the truth is the epoch in the database."""

    db: Database
    now: Clock
    worker: str  # this worker's name
    seconds: float  # how long a lease lasts after a heartbeat
    held: dict[str, Lease] = field(default_factory=dict)  # by instance
    alone: bool = field(init=False)  # True where this is the only process: whoever held a lease before is dead

    def __post_init__(self) -> None:
        self.alone = self.db.on_sqlite

    async def keep(self, name: str, instance_worker: InstanceWorker) -> bool:
        """Renew the lease of an instance, or take it over if no worker drives it. True when it was taken over.

        Effect: two short transactions at most. Afterwards `held` has the lease if it is ours.
        """
        return not await self.renew(name, instance_worker) and await self._take(name, instance_worker)

    async def renew(self, name: str, instance_worker: InstanceWorker) -> bool:
        """Renew the lease of an instance by a heartbeat. False when it is not ours, or no longer."""
        lease = self.held.get(name)
        if lease and await self._renew(lease, instance_worker):
            return True
        self.held.pop(name, None)
        return False

    def is_fresh(self, name: str) -> bool:
        """Whether the last heartbeat is so recent that none is due."""
        lease = self.held.get(name)
        return lease is not None and lease.until - self.now.monotonic() > self.seconds * (1 - HEARTBEAT_SHARE)

    async def give_up(self, name: str, instance_worker: InstanceWorker) -> None:
        """Give the lease up, so that another worker can take over at once. The last calls are handed on too."""
        lease = self.held.pop(name, None)
        if lease is None:
            return
        with suppress(ClockJumped):  # then the calls since the last heartbeat are not handed on
            if not await self._renew(lease, instance_worker):
                return
        async with self.db.write() as tx:
            await instances.give_up_lease(tx, name, epoch=lease.epoch, now=self.now())

    async def _renew(self, lease: Lease, instance_worker: InstanceWorker) -> bool:
        """Errors: ClockJumped."""
        begun = self.now.monotonic()
        async with self.db.write() as tx:
            at, jump_id = self.now(), self.now.jump_id
            instance = await instances.keep_lease(
                tx,
                lease.instance,
                epoch=lease.epoch,
                term=self._term(at),
                sign=SignOfLife(
                    instance_worker.rate_limiter.counted(),
                    instance_worker.queue_model.throughput,
                    instance_worker.ticked,
                    instance_worker.failing,
                ),
            )
            if instance:
                self.now.expect(jump_id)
                self.now.expect(instance.clock_jump)
                await self._note_idle(tx, instance, instance_worker, at)
        if instance:
            lease.until = self._with_care(begun)
        return instance is not None

    async def _note_idle(
        self, tx: Transaction, instance: Instance, instance_worker: InstanceWorker, at: datetime
    ) -> None:
        """Note since when an importer of Marketo has had no job of ours although a part could go."""
        name = instance.name
        there, importers = await job_queries.states_at_marketo(tx, name), instance_worker.queue_model.importers
        idle = instance.idle_importers(at, jobs=there, importers=importers, queued=instance_worker.max_queued)
        since = (instance.idle_since or at) if idle and await waiting_queue.any_may_go(tx, name, now=at) else None
        if since != instance.idle_since:
            await instances.note_idle(tx, name, since=since)

    async def _take(self, name: str, instance_worker: InstanceWorker) -> bool:
        """Errors: ClockJumped."""
        begun = self.now.monotonic()
        async with self.db.write() as tx:
            at, jump_id = self.now(), self.now.jump_id
            if not await self._tells_the_time(tx):
                return False
            is_judged = self.now.monotonic() >= self.now.sure_from
            # where this is the only process, every worker that held a lease is dead
            over = NEVER_TOO_LATE if self.alone else at if is_judged else None
            taken = await instances.take_lease(
                tx,
                name,
                worker=self.worker,
                term=self._term(at),
                over=over,
                ticks=TICKS,
            )
            if taken is None:
                return False
            epoch, before = taken
            self.now.expect(jump_id)
            self.now.expect(before.clock_jump)
        _inherit(instance_worker, before)
        instance_worker.ticked.update(dict.fromkeys(TICKS, at))
        self.held[name] = Lease(name, epoch, self._with_care(begun))
        return True

    async def _tells_the_time(self, tx: AsyncConnection) -> bool:
        """Whether our clock agrees with the database's, by which leases end; if not, it is compared at once."""
        if self.alone:
            return True
        if abs(self.now.off(await clock_jumps.read(tx, self.now))) >= CLOCK_TOLERANCE_SECONDS:
            self.now.doubt.send()
            return False
        return True

    def _term(self, at: datetime) -> LeaseTerm:
        return LeaseTerm(at, at + timedelta(seconds=self.seconds))

    def _with_care(self, begun: float) -> float:
        return begun + self.seconds * (1 - CARE_SHARE)


def _inherit(instance_worker: InstanceWorker, before: Instance) -> None:
    """Go on with the last worker's count of calls and with its model of throughput."""
    if before.calls:
        instance_worker.rate_limiter.go_on_from(before.calls)
    instance_worker.queue_model.throughput = before.throughput
