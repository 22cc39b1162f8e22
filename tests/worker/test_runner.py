"""A worker's run: a new import wakes it, a step that fails is tried again, and it ends calmly."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, ClassVar

import pytest
from sqlalchemy.exc import OperationalError

from app.clock import Clock, machine_clock
from app.pipeline.submit import Submit
from app.scheduling.lease import Lease
from app.simulator import Fault, Rules
from app.worker.instance_worker import InstanceWorker, build_instance_worker
from app.worker.leases import Leases
from app.worker.recovery import Recovery
from app.worker.runner import Worker
from app.worker.timetable import timetable
from tests.story.files import leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, stage_settings, staged

HOUR = 3600.0


@asynccontextmanager
async def working(stage: Stage, *, tick_seconds: float) -> AsyncIterator[asyncio.Event]:
    """A worker on the stage, by the machine's clock."""
    worker = Worker(
        instance_workers={"default": stage.instance_worker},
        maintenance=stage.maintenance,
        leases=stage.leases,
        wakeup=stage.container.wakeup,
        now=Clock(),
        tick_seconds=tick_seconds,
        shutdown_seconds=30,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        await running


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # Marketo has no event for it
            await asyncio.sleep(0.01)


async def first_beat(stage: Stage) -> dict[str, datetime]:
    """Until every tick of a worker that begins is done once; when each was done before."""
    taken = dict(stage.instance_worker.ticked)
    await until(lambda: all(stage.instance_worker.ticked[tick] > at for tick, at in taken.items()))
    return taken


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    """The time of day is the machine's, and stands still."""
    clock = SteppedClock(machine_clock())
    async with staged(database_url, clock, rules=Rules(job_seconds=0.01)) as found:
        yield found


async def test_a_new_import_wakes_the_submit_tick_at_once(stage: Stage):
    """With a tick an hour long nothing else would send it."""
    async with working(stage, tick_seconds=HOUR):
        await first_beat(stage)
        await stage.created(leads(3))
        await until(lambda: len(stage.posted) == 1)


async def test_each_tick_that_is_done_is_noted_for_the_next_sign_of_life(stage: Stage):
    """Those who look from outside read it from the instance's row."""
    async with working(stage, tick_seconds=HOUR):
        taken = await first_beat(stage)
    told = await stage.api.get("/metrics")
    assert taken.keys() == {"submit", "poll", "collect", "sweep"}
    assert all(f'sluice_tick_age_seconds{{marketo_instance="default",tick="{tick}"}}' in told.text for tick in taken)


async def test_CALM_DEPLOY_a_stop_waits_for_the_call_under_way(stage: Stage):
    """The part is at Marketo by its number, and nothing is unconfirmed; the lease is free."""
    stage.simulator.order(Fault("hang", on="create", seconds=0.5))
    async with working(stage, tick_seconds=HOUR) as stop:
        import_id = await stage.created(leads(3))
        await until(lambda: len(stage.posted) == 1)
        stop.set()
    (part,) = await stage.parts(import_id)
    assert (part["state"], part["batch_id"]) == ("queued", 1001)
    assert not stage.leases.held


class Watched(Leases):
    """Leases that note when they are renewed."""

    kept: ClassVar[list[str]]

    async def renew(self, name: str, instance_worker: InstanceWorker) -> bool:
        self.kept.append(name)
        return await super().renew(name, instance_worker)


async def test_CALM_DEPLOY_the_lease_is_kept_while_the_last_calls_end(stage: Stage):
    """Or another worker would take over, call the part lost, and the answer would come too late."""
    Watched.kept = []
    stage.leases = Watched(db=stage.container.db, now=Clock(), worker="the worker", seconds=0.3)
    stage.simulator.order(Fault("hang", on="create", seconds=1))
    async with working(stage, tick_seconds=HOUR) as stop:
        import_id = await stage.created(leads(3))
        await until(lambda: len(stage.posted) == 1)
        stop.set()
        await asyncio.sleep(0)
        Watched.kept.clear()
    assert len(Watched.kept) >= 2
    assert (await stage.parts(import_id))[0]["state"] == "queued"


async def test_an_instance_whose_marketo_says_nothing_keeps_no_other_waiting(database_url: str):
    """Each is driven by ticks of its own: one hangs in its first call, and the other's file goes all its way."""
    clock, mended = SteppedClock(machine_clock()), asyncio.Event()
    ours = stage_settings(database_url).instances["default"]
    both = {"default": ours, "other": ours}
    rules = Rules(job_seconds=0.01)
    async with staged(database_url, clock, rules=rules, hang=lambda _: mended.wait(), instances=both) as stage:
        stage.simulator.order(Fault("hang", on="create", seconds=1))
        instance_workers = {name: build_instance_worker(stage.container, name) for name in both}
        worker = Worker(
            instance_workers,
            stage.maintenance,
            stage.leases,
            stage.container.wakeup,
            Clock(),
            tick_seconds=0.05,
            shutdown_seconds=30,
        )
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        silent = await stage.created(leads(3))
        await until(lambda: len(stage.posted) == 1)
        heard = await stage.created(leads(3, start=50), instance="other")
        async with asyncio.timeout(30):
            while (await stage.read(heard))["status"] != "complete":
                stage.clock.step(1)
                await asyncio.sleep(0.01)
        assert (await stage.parts(silent))[0]["state"] == "submitting"
        mended.set()
        stop.set()
        await running


class Cut(Leases):
    """Leases whose database is away for as long as a worker stops."""

    stops: ClassVar[asyncio.Event]

    async def renew(self, name: str, instance_worker: InstanceWorker) -> bool:
        if self.stops.is_set():
            raise OperationalError("", None, ConnectionError("the database is away"))
        return await super().renew(name, instance_worker)


async def test_CALM_DEPLOY_a_database_that_stumbles_meanwhile_cuts_no_call_short(stage: Stage):
    """PostgreSQL is restarted in the middle of a deployment: the answer under way is waited for all the same."""
    stage.leases = Cut(db=stage.container.db, now=Clock(), worker="the worker", seconds=3)
    stage.simulator.order(Fault("hang", on="create", seconds=2))
    Cut.stops = asyncio.Event()
    async with working(stage, tick_seconds=HOUR) as stop:
        import_id = await stage.created(leads(3))
        await until(lambda: len(stage.posted) == 1)
        Cut.stops.set()
        stop.set()
    assert (await stage.parts(import_id))[0]["state"] == "queued"


def as_a(kind: Any, step: Any) -> Any:
    """The same step, as this kind of it."""
    return kind(**{field.name: getattr(step, field.name) for field in fields(step)})


class Hesitant(Recovery):
    """A recovery whose first take-over meets no database."""

    met: ClassVar[list[int]]

    async def take_over(self, lease: Lease) -> int:
        self.met.append(lease.epoch)
        if len(self.met) == 1:
            raise ConnectionError("the database is away")
        return await super().take_over(lease)


async def test_nothing_is_begun_before_what_the_last_driver_left_is_looked_at(stage: Stage):
    """Or a claim of our own would be called lost with those of the dead; and a take-over that fails is tried again."""
    Hesitant.met = []
    import_id = await stage.created(leads(3))
    await stage.crash()
    recovery = stage.instance_worker.recovery
    instance_worker = replace(stage.instance_worker, recovery=as_a(Hesitant, recovery))
    worker = Worker(
        {"default": instance_worker},
        stage.maintenance,
        stage.leases,
        stage.container.wakeup,
        stage.clock,
        tick_seconds=1,
        shutdown_seconds=1,
    )
    with pytest.raises(ConnectionError):
        await worker.lease("default")
    await worker.tick("default", next(iter(timetable(instance_worker, 1))))
    assert (await stage.parts(import_id))[0]["state"] == "waiting"
    await worker.lease("default")
    await worker.tick("default", next(iter(timetable(instance_worker, 1))))
    assert (await stage.parts(import_id))[0]["state"] == "queued"
    await worker.lease("default")
    assert len(Hesitant.met) == 2, "once is enough"


class Stumbling(Submit):
    """A submit step that fails twice before it works."""

    stumbles: ClassVar[list[str]]

    async def run_once(self, lease: Lease) -> bool:
        if len(self.stumbles) < 2:
            self.stumbles.append(lease.instance)
            raise ConnectionError("the database is away")
        return await super().run_once(lease)


async def test_a_tick_that_fails_is_tried_again(stage: Stage):
    """A database that is away for a moment ends nothing."""
    Stumbling.stumbles = []
    stage.instance_worker = replace(
        stage.instance_worker,
        submit=as_a(Stumbling, stage.instance_worker.submit),
    )
    async with working(stage, tick_seconds=0.05):
        await stage.created(leads(3))
        await until(lambda: len(stage.posted) == 1)
    assert Stumbling.stumbles == ["default", "default"]
