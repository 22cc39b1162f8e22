"""The lease: one worker drives one instance at a time, and shows it by a sign of life.

How long its own lease still lasts, a worker knows by its monotonic clock. Whether another's is over, it judges by the
time that all of them have from the database, and only while that has not jumped.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock, ClockJumped
from app.domain.instances import Instance
from app.domain.timeouts import CLOCK_TOLERANCE_SECONDS
from app.scheduling.lease import Lease
from app.store import clock_jumps, instances, part_queries, waiting_queue
from app.store.database import Database
from app.store.instances import LeaseTerm, SignOfLife
from app.store.transaction import Transaction
from app.worker.instance_worker import InstanceWorker
from app.worker.timetable import TICKS

SIGN_SHARE = 1 / 3  # of a lease's time between two signs of life: one may be missed, and another be late
CARE_SHARE = 0.1  # of a lease's time before its end from which no call is gone on with: clocks differ
NEVER_TOO_LATE = datetime.max.replace(tzinfo=UTC)


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

    async def keep(self, name: str, instance_worker: InstanceWorker) -> bool:
        """Give a sign of life for an instance, or take it over if nobody drives it. True when it was taken over.

        Effect: two short transactions at most; `held` afterwards says what is ours.
        """
        return not await self.renew(name, instance_worker) and await self._take(name, instance_worker)

    async def renew(self, name: str, instance_worker: InstanceWorker) -> bool:
        """Give a sign of life for an instance. False when it is not ours, or no longer."""
        lease = self.held.get(name)
        if lease and await self._renew(lease, instance_worker):
            return True
        self.held.pop(name, None)
        return False

    def is_fresh(self, name: str) -> bool:
        """Whether the last sign of life is so young that none is due."""
        lease = self.held.get(name)
        return lease is not None and lease.until - self.now.monotonic() > self.seconds * (1 - SIGN_SHARE)

    async def give_up(self, name: str, instance_worker: InstanceWorker) -> None:
        """Let another worker take the instance at once, with the calls counted to the last."""
        lease = self.held.pop(name, None)
        if lease is None:
            return
        with suppress(ClockJumped):  # then what was counted since the last sign is not handed on
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
                await self._look(tx, instance, instance_worker, at)
        if instance:
            lease.until = self._with_care(begun)
        return instance is not None

    async def _look(self, tx: Transaction, instance: Instance, instance_worker: InstanceWorker, at: datetime) -> None:
        """Note whether an importer of Marketo has nothing from us while a part could go, and since when."""
        name = instance.name
        there, importers = await part_queries.states_at_marketo(tx, name), instance_worker.queue_model.importers
        idle = instance.idle_importers(at, parts=there, importers=importers, queued=instance_worker.max_queued)
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
            # where this is the only process, whoever holds a lease can only be dead
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
        """Whether our clock agrees with the one that others' leases are by. If not, it is looked at again at once."""
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
    """Count what the last driver called, and go on with what it learnt."""
    if before.calls:
        instance_worker.rate_limiter.go_on_from(before.calls)
    instance_worker.queue_model.throughput = before.throughput
