"""The run of a worker: a metronome, the lease as its licence, and a calm end (CALM_DEPLOY)."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from app.clock import Clock, ClockJumped
from app.domain.failpoints import Failpoint, FailpointHit, no_op
from app.domain.instances import Fault
from app.domain.timeouts import BEAT_SECONDS, TIDY_SECONDS, WAKE_SECONDS
from app.notify.wakeup import Wakeup
from app.scheduling.lease import LeaseLost
from app.store.database import AWAY, cause
from app.worker.instance_worker import InstanceWorker
from app.worker.leases import Leases
from app.worker.maintenance import Maintenance
from app.worker.metronome import Action, Metronome
from app.worker.timetable import MAINTENANCE, Tick, timetable

log = structlog.get_logger()


@dataclass(slots=True)
class Worker:
    """Drives every instance whose lease it gets. State is in the database: losing this object loses nothing."""

    instance_workers: Mapping[str, InstanceWorker]
    maintenance: Maintenance
    leases: Leases
    wakeup: Wakeup
    now: Clock
    tick_seconds: float
    shutdown_seconds: float
    hit: FailpointHit = no_op
    stopping: bool = False
    _metronome: Metronome = field(default_factory=Metronome)
    _last_beat: float | None = None  # by the monotonic clock

    @property
    def beat_age_seconds(self) -> float | None:
        """Since the metronome's last beat, which comes each second whatever the steps do. None before the first."""
        return None if self._last_beat is None else self.now.monotonic() - self._last_beat

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish the calls under way and let the leases go."""
        for name in self.instance_workers:
            await self._safely(f"lease:{name}", partial(self.lease, name))
        self._set_ticks()
        listener = asyncio.create_task(self._listen())
        log.info("working", worker=self.leases.worker, instances=list(self.instance_workers))
        try:
            await stop.wait()
        finally:
            listener.cancel()
            await self._drain()

    async def lease(self, name: str) -> None:
        """Renew an instance's lease when that is due, or take the instance over and recover it."""
        instance_worker = self.instance_workers[name]
        if not self.leases.is_fresh(name):
            await self.leases.keep(name, instance_worker)
        lease = self.leases.held.get(name)
        if lease and not lease.in_order:  # a claim of our own would look like one of our predecessor's
            lost = await instance_worker.recovery.take_over(lease)
            lease.in_order = True
            log.info("instance taken over", instance=name, epoch=lease.epoch, unconfirmed=lost)

    async def tick(self, name: str, beat: Tick) -> None:
        """Call a step for an instance that is ours, again and again while it finds something to do."""
        instance_worker = self.instance_workers[name]
        while not self.stopping and (lease := self.leases.held.get(name)) and lease.in_order:
            try:
                more = await beat.step(lease)
            except (LeaseLost, ClockJumped):
                raise
            except Exception as mistake:
                instance_worker.failing.setdefault(beat.name, Fault(self.now(), type(mistake).__name__))
                raise
            instance_worker.failing.pop(beat.name, None)
            instance_worker.ticked[beat.name] = self.now()
            if not more:
                return

    def _set_ticks(self) -> None:
        for name, instance_worker in self.instance_workers.items():
            self._every(min(self.tick_seconds, self.leases.seconds / 10), f"lease:{name}", partial(self.lease, name))
            for beat in timetable(instance_worker, self.tick_seconds):
                self._every(beat.seconds, f"{beat.name}:{name}", partial(self.tick, name, beat))
        self._every(TIDY_SECONDS, MAINTENANCE, self.maintenance.run_once)
        self._every(BEAT_SECONDS, "beat", self._note_beat)

    async def _note_beat(self) -> None:
        self._last_beat = self.now.monotonic()

    def _every(self, seconds: float, job: str, action: Action) -> None:
        self._metronome.every(seconds, job, partial(self._safely, job, action))

    async def _safely(self, job: str, action: Action) -> None:
        """Run one tick; log what goes wrong."""
        try:
            await action()
        except LeaseLost:
            log.info("another worker drives now", tick=job)
        except ClockJumped as jumped:
            log.info("the clock was set, the next tick goes by the new one", tick=job, why=str(jumped))
        except AWAY as away:
            log.warning("waiting for the database", tick=job, error=cause(away))
        except Exception:  # a tick must not die: the next one tries again
            log.exception("tick failed", tick=job)

    async def _listen(self) -> None:
        """A new import wakes the submit tick at once; of many that come at once, the first, and then some together."""
        while True:
            if await self.wakeup.wait(within_seconds=self.leases.seconds):
                for name in self.instance_workers:
                    self._metronome.call(f"submit:{name}")
                await asyncio.sleep(WAKE_SECONDS)

    async def _drain(self) -> None:
        """Begin no new step, wait for those that are running, and give the leases up."""
        self.stopping = True
        self._metronome.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.shutdown_seconds):
                # nobody may take over meanwhile: what these calls bring is still to be written
                while not await self._metronome.ended(within_seconds=self.leases.seconds / 3):
                    for name in list(self.leases.held):
                        await self._safely(
                            f"lease:{name}", partial(self.leases.renew, name, self.instance_workers[name])
                        )
        self.hit(Failpoint.LEAVING)
        for name in list(self.leases.held):
            await self._safely(f"lease:{name}", partial(self.leases.give_up, name, self.instance_workers[name]))
