"""The run of a worker: APScheduler as a metronome, the lease as its licence, and a calm end (CALM_DEPLOY)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from functools import partial

import structlog
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from app.clock import Clock
from app.domain.instances import Fault
from app.domain.patience import TIDY_SECONDS, WAKE_SECONDS
from app.steps.crew import Crew
from app.steps.driver import LeaseLost
from app.steps.points import Point, Reached, in_service
from app.store.database import AWAY, cause
from app.wake import Wake
from app.worker.lease import Leases
from app.worker.ticks import Tick, ticks

log = structlog.get_logger()
logging.getLogger("apscheduler").setLevel(logging.ERROR)  # that a tick is still at work is no news

Deed = Callable[[], Awaitable[object]]


def _metronome() -> AsyncIOScheduler:
    """Memory job store, one run of a tick at a time, missed beats dropped."""
    jobs = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
    return AsyncIOScheduler(timezone=UTC, job_defaults=jobs, executors={"default": AsyncIOExecutor()})


@dataclass(slots=True)
class Worker:
    """Drives every instance whose lease it gets. State is in the database: losing this object loses nothing."""

    crews: Mapping[str, Crew]
    leases: Leases
    wake: Wake
    now: Clock
    tick_seconds: float
    shutdown_seconds: float
    reached: Reached = in_service
    stopping: bool = False
    _busy: set[asyncio.Future[object]] = field(default_factory=set)
    _metronome: AsyncIOScheduler = field(default_factory=_metronome)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish the calls under way and let the leases go."""
        for name in self.crews:
            await self._safely(f"lease:{name}", partial(self.lease, name))
        self._set_ticks()
        self._metronome.start()
        listener = asyncio.create_task(self._listen())
        log.info("working", worker=self.leases.worker, instances=list(self.crews))
        try:
            await stop.wait()
        finally:
            listener.cancel()
            await self._drain()

    async def lease(self, name: str) -> None:
        """A sign of life for an instance when one is due, or its take-over and what that entails."""
        crew = self.crews[name]
        if not self.leases.is_fresh(name):
            await self.leases.keep(name, crew)
        lease = self.leases.held.get(name)
        if lease and not lease.in_order:  # a claim of our own would look like one of our predecessor's
            lost = await crew.sweep.take_over(lease)
            lease.in_order = True
            log.info("instance taken over", instance=name, epoch=lease.epoch, unconfirmed=lost)

    async def tick(self, name: str, beat: Tick) -> None:
        """Call a step for an instance that is ours, again and again while it finds something to do."""
        crew = self.crews[name]
        while not self.stopping and (lease := self.leases.held.get(name)) and lease.in_order:
            try:
                more = await beat.step(lease)
            except LeaseLost:
                raise
            except Exception as mistake:
                crew.failing.setdefault(beat.name, Fault(self.now(), type(mistake).__name__))
                raise
            crew.failing.pop(beat.name, None)
            crew.ticked[beat.name] = self.now()
            if not more:
                return

    def _set_ticks(self) -> None:
        for name, crew in self.crews.items():
            self._every(min(self.tick_seconds, self.leases.seconds / 10), f"lease:{name}", partial(self.lease, name))
            for beat in ticks(crew, self.tick_seconds):
                self._every(beat.seconds, f"{beat.name}:{name}", partial(self.tick, name, beat))
        for crew in list(self.crews.values())[:1]:  # tidying is about the database, not about an instance
            self._every(TIDY_SECONDS, "tidy", crew.sweep.tidy)

    def _every(self, seconds: float, job: str, deed: Deed) -> None:
        self._metronome.add_job(
            self._safely,
            IntervalTrigger(seconds=seconds, timezone=UTC),
            id=job,
            args=(job, deed),
            next_run_time=self.now(),
        )

    async def _safely(self, job: str, deed: Deed) -> None:
        """Run one tick in a task of its own, so that the scheduler's end does not cut it short; log what goes wrong."""
        task = asyncio.ensure_future(deed())
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        try:
            await asyncio.shield(task)
        except LeaseLost:
            log.info("another worker drives now", tick=job)
        except AWAY as away:
            log.warning("waiting for the database", tick=job, error=cause(away))
        except Exception:  # a tick must not die: the next one tries again
            log.exception("tick failed", tick=job)

    async def _listen(self) -> None:
        """A new import wakes the submit tick at once; of many that come at once, the first, and then some together."""
        while True:
            if await self.wake.heard(within_seconds=self.leases.seconds):
                for name in self.crews:
                    soon = self.now() + timedelta(milliseconds=1)
                    self._metronome.modify_job(f"submit:{name}", next_run_time=soon)
                await asyncio.sleep(WAKE_SECONDS)

    async def _drain(self) -> None:
        """APScheduler's shutdown cancels running coroutines: pause it, wait for them, and only then shut it down."""
        self.stopping = True
        self._metronome.pause()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.shutdown_seconds):
                while self._busy:  # nobody may take over meanwhile: what these calls bring is still to be written
                    await asyncio.wait(self._busy, timeout=self.leases.seconds / 3)
                    for name in list(self.leases.held):
                        await self._safely(f"lease:{name}", partial(self.leases.renew, name, self.crews[name]))
        self._metronome.shutdown(wait=False)
        self.reached(Point.LEAVING)
        for name in list(self.leases.held):
            await self._safely(f"lease:{name}", partial(self.leases.give_up, name, self.crews[name]))
