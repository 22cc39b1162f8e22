"""The machine lies about the time: it is set back and forward while the service runs, and while it does not."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.clock import Cause, Clock, ClockJumped, Reading, machine_clock
from app.container import build_container
from app.domain.api_keys import Scope
from app.scheduling.timekeeper import Timekeeper
from app.simulator import Fault
from app.store import instances
from app.store.database import Database
from app.store.tables import clock_jump, instance, part_file
from app.worker.instance_worker import build_instance_worker
from app.worker.leases import Leases
from tests.story.files import LEADS, LEADS_WITH_TROUBLE, leads
from tests.support.clock import SteppedClock
from tests.support.logged import Log, log
from tests.support.stage import Stage, stage_settings, staged
from tests.support.tiers import endured

__all__ = ["log"]
MINUTE, HOUR, DAY = 60, 3600, 86_400
FOLLOWED = 75  # seconds after which a clock that was set is followed
JUMPS = pytest.mark.parametrize(
    "seconds", [-HOUR, endured(HOUR), endured(100 * DAY)], ids=["back", "forward", "100 days"]
)


async def pass_by(stage: Stage, seconds: float, *, step: float = 15) -> None:
    """Let time pass, with a worker and an eye on the clock."""
    for _ in range(round(seconds / step)):
        stage.clock.step(step)
        await stage.container.timekeeper.look()
        await stage.beat()


async def check(stage: Stage, name: str) -> dict[str, Any]:
    status = (await stage.api.get("/v1/status")).json()
    return next(item for item in status["checks"] if item["name"] == name)


async def jumps(stage: Stage) -> list[str]:
    async with stage.container.db.read() as tx:
        return list((await tx.execute(select(clock_jump.c.cause).order_by(clock_jump.c.id))).scalars())


@JUMPS
async def test_work_flows_on_while_the_clock_is_set(stage: Stage, seconds: float):
    """Before it is followed and after: five files take no longer than they would."""
    before = [await stage.created(leads(5, start=10 * n)) for n in range(2)]
    await stage.beat()
    stage.clock.jump(seconds)
    made = before + [await stage.created(leads(5, start=100 + 10 * n)) for n in range(3)]
    await pass_by(stage, FOLLOWED)
    made.append(await stage.created(leads(5, start=200)))
    await pass_by(stage, FOLLOWED)
    assert [(await stage.read(n))["status"] for n in made] == ["complete"] * 6
    assert len(stage.posted) == 6
    assert await jumps(stage) == ["jump"]


@JUMPS
async def test_a_clock_that_was_set_is_said_in_the_log_and_in_the_status(stage: Stage, log: Log, seconds: float):
    """The verdict is not `ok` for an hour; then it is, and the jump is still told."""
    assert (await check(stage, "clock"))["status"] == "ok"
    stage.clock.jump(seconds)
    await stage.container.timekeeper.look()
    answer = await check(stage, "clock")
    assert answer["status"] == "degraded"
    assert f"{'forward' if seconds > 0 else 'back'} by {abs(seconds):,} s" in answer["detail"]
    assert log.lines("the clock was set")[0]["seconds"] == seconds
    await pass_by(stage, FOLLOWED)
    assert (await check(stage, "clock"))["status"] == "degraded"
    assert log.lines("the clock that was set is followed")[0]["level"] == "warning"
    await pass_by(stage, HOUR, step=HOUR / 2)
    answer = await check(stage, "clock")
    assert (answer["status"], "moved along" in answer["detail"]) == ("ok", True)


@JUMPS
async def test_NEVER_TWICE_BY_ACCIDENT_a_lost_answer_gets_its_time_whatever_the_clock_says(
    stage: Stage, seconds: float
):
    """Fifteen minutes that pass, not fifteen minutes on a clock that is set."""
    stage.simulator.order(Fault("lost_response"))
    import_id = await stage.created(LEADS)
    await stage.beat()
    lost = stage.clock.elapsed
    assert (await stage.parts(import_id))[0]["state"] == "unconfirmed"
    await pass_by(stage, MINUTE)
    stage.clock.jump(seconds)
    await pass_by(stage, 810, step=30)
    while (await stage.parts(import_id))[0]["state"] == "unconfirmed":
        await pass_by(stage, 5, step=5)
        assert stage.clock.elapsed < lost + 1000
    assert stage.clock.elapsed >= lost + 900
    assert (await stage.parts(import_id))[0]["attempts"] == 1


@JUMPS
async def test_what_marketo_asked_to_wait_for_is_waited_for(stage: Stage, seconds: float):
    """A used-up call window holds the instance for twenty seconds; the clock makes it neither more nor less."""
    stage.simulator.order(Fault("json_error:606", on="create"))
    await stage.created(LEADS)
    await stage.beat()
    told = stage.clock.elapsed
    assert len(stage.posted) == 1
    stage.clock.follow(0)
    if stage.container.db.on_sqlite:  # it is followed after a minute there: as if that were over
        stage.container.timekeeper.alone = False
    stage.clock.jump(seconds)
    while len(stage.posted) == 1:
        await pass_by(stage, 1, step=1)
        assert stage.clock.elapsed < told + 30
    assert stage.clock.elapsed >= told + 19


async def test_retention_goes_by_the_time_that_has_passed(stage: Stage):
    """A hundred days forward for a moment, or for good: nothing is erased before it was kept for so long."""
    made = await stage.created(LEADS)
    await stage.run()
    for seconds in (100 * DAY, -100 * DAY, 100 * DAY):
        stage.clock.jump(seconds)
        await pass_by(stage, FOLLOWED)
        await stage.maintenance.run_once()
        assert await files(stage) == 1
    stage.clock.step(6 * DAY)
    await stage.maintenance.run_once()
    assert await files(stage) == 1
    stage.clock.step(DAY)
    await stage.maintenance.run_once()
    assert await files(stage) == 0
    assert (await stage.read(made))["rows"]["imported"] == 2


async def files(stage: Stage) -> int:
    async with stage.container.db.read() as tx:
        return (await tx.execute(select(func.count()).select_from(part_file))).scalar_one()


async def begun_again(stage: Stage) -> Stage:
    """The process was stopped, and another one begins on the same machine."""
    clock = Clock(stage.clock.wall, stage.clock.monotonic)
    container = build_container(
        stage.container.settings, now=clock, sleep=stage.clock.sleep, http=stage.container.http, db=stage.container.db
    )
    await container.timekeeper.begin()
    leases = Leases(db=container.db, now=clock, worker="another", seconds=30)
    return replace(
        stage, container=container, instance_worker=build_instance_worker(container, "default"), leases=leases
    )


async def test_retention_erases_nothing_at_once_after_a_start_far_in_the_future(stage: Stage, log: Log):
    """A machine without a battery, or a long rest: nobody can know. So much is not plausible, and a day is waited."""
    for _ in range(3):
        await stage.created(LEADS)
    await stage.run()
    stage.clock.jump(100 * DAY)
    again = await begun_again(stage)
    await again.maintenance.run_once()
    assert await files(again) == 3
    assert "3 of 3 finished imports" in log.lines("retention erases nothing")[0]["why"]
    async with again.container.db.read() as tx:
        refused = await again.container.erase.refusal(tx)
    assert refused is not None
    assert refused.jump.cause is Cause.GAP
    stage.clock.step(DAY)
    await again.maintenance.run_once()
    assert await files(again) == 0


async def test_a_start_behind_the_last_sign_of_life_goes_on_at_once(stage: Stage):
    """The clock was set back while nobody was here: no lease, no wait and no claim lasts an hour longer for it."""
    stage.simulator.order(Fault("json_error:606", on="create"))
    import_id = await stage.created(LEADS)
    await stage.beat()
    stage.clock.jump(-HOUR)
    again = await begun_again(stage)
    assert await jumps(again) == ["jump"]
    stage.clock.step(31)  # the lease of the one that ended, where others might live
    begun = stage.clock.elapsed
    await again.run()
    assert (await again.read(import_id))["status"] == "complete"
    assert stage.clock.elapsed < begun + MINUTE


class Shared:
    """A database's time of day, and processes that go by it, each on a machine of its own."""

    def __init__(self, db: Database) -> None:
        self.db, self.passed, self.set_by = db, 0.0, 0.0

    def __call__(self) -> Any:
        return SteppedClock().begun_at + timedelta(seconds=self.passed + self.set_by)

    def process(self, *, skew: float = 0.0) -> Timekeeper:
        clock = Clock(self, lambda: 1000.0 + self.passed)
        clock.set(Reading(self() + timedelta(seconds=skew), clock.monotonic()))
        keeper = Timekeeper(self.db, clock, 10)
        keeper.alone = False
        return keeper

    def leases(self, keeper: Timekeeper, worker: str) -> Leases:
        found = Leases(db=self.db, now=keeper.clock, worker=worker, seconds=30)
        found.alone = False
        return found


@pytest.fixture
async def shared(db: Database) -> Shared:
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])
    return Shared(db)


def a_crew(shared: Shared, keeper: Timekeeper) -> Any:
    settings = stage_settings(shared.db.url)
    return build_instance_worker(build_container(settings, now=keeper.clock, db=shared.db), "default")


@pytest.mark.both_databases
async def test_a_worker_whose_clock_is_ahead_takes_no_healthy_lease(shared: Shared):
    """Neither before it knows the database's time nor after; and it takes over from a dead one when that is due."""
    healthy, ahead = shared.process(), shared.process(skew=60)
    ours, theirs = shared.leases(healthy, "healthy"), shared.leases(ahead, "ahead")
    instance_worker, other = a_crew(shared, healthy), a_crew(shared, ahead)
    await healthy.begin()
    assert await ours.keep("default", instance_worker)
    assert not await theirs.keep("default", other)
    await ahead.begin()
    for _ in range(6):
        shared.passed += 10
        assert not await ours.keep("default", instance_worker)
        assert not await theirs.keep("default", other)
    shared.passed += 31
    assert await theirs.keep("default", other)


@pytest.mark.parametrize("seconds", [-HOUR, HOUR, 100 * DAY])
@pytest.mark.both_databases
async def test_a_database_whose_clock_is_set_takes_no_lease_away(shared: Shared, seconds: float):
    """Whoever notices it first moves all leases along; who has not heard of it yet writes nothing by the old time."""
    first, second = shared.process(), shared.process()
    await first.begin()
    await second.begin()
    shared.passed += 20
    ours, theirs = shared.leases(first, "first"), shared.leases(second, "second")
    instance_worker, other = a_crew(shared, first), a_crew(shared, second)
    assert await ours.keep("default", instance_worker)
    shared.passed += 10
    shared.set_by += seconds
    assert not await theirs.keep("default", other), "it does not agree with the database about the time"
    await second.look()
    assert not await theirs.keep("default", other), "the lease was moved along"
    with pytest.raises(ClockJumped):
        await ours.keep("default", instance_worker)
    assert ours.held["default"].holds(first.clock.monotonic())
    await first.look()
    assert not await ours.keep("default", instance_worker), "a sign of life, and no take-over"
    for _ in range(3):
        shared.passed += 10
        assert not await theirs.keep("default", other)
        assert not await ours.keep("default", instance_worker)
    shared.passed += 31
    assert await theirs.keep("default", other)
    async with shared.db.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(clock_jump))).scalar_one() == 1


@pytest.mark.both_databases
async def test_who_begins_behind_a_jump_that_others_have_not_noticed_waits_for_them(shared: Shared):
    """To it, every healthy lease looks an hour old."""
    first = shared.process()
    await first.begin()
    ours, instance_worker = shared.leases(first, "first"), a_crew(shared, first)
    assert await ours.keep("default", instance_worker)
    shared.set_by += HOUR
    newcomer = shared.process()
    await newcomer.begin()
    theirs, other = shared.leases(newcomer, "newcomer"), a_crew(shared, newcomer)
    assert not await theirs.keep("default", other)
    shared.passed += 10
    await first.look()
    assert not await ours.keep("default", instance_worker)
    await newcomer.look()
    assert abs((newcomer.clock() - first.clock()).total_seconds()) < 1
    shared.passed += 10
    assert not await theirs.keep("default", other)


async def test_a_database_tells_the_time_to_those_who_share_it(postgres_url: str):
    """Not each machine its own: one that is a minute ahead writes, and judges, by PostgreSQL's."""
    ahead = Clock(lambda: machine_clock() + timedelta(seconds=60), by_database=True)
    container = build_container(stage_settings(postgres_url), now=ahead)
    try:
        await container.timekeeper.begin()
        async with container.db.read() as tx:
            there = (await tx.execute(select(func.clock_timestamp()))).scalar_one()
        assert abs((container.now() - there).total_seconds()) < 5
        await container.timekeeper.look()
        assert container.timekeeper.doubt is None
    finally:
        await container.close()


@pytest.mark.both_databases
async def test_a_step_that_was_under_way_when_the_clock_was_set_writes_nothing(stage: Stage):
    """What it has timed is by another clock: its next try is by the one that counts."""
    async with stage.container.db.write() as tx:
        await tx.execute(update(instance).values(clock_jump=7))
    fenced = stage.instance_worker.submit.fenced
    with pytest.raises(ClockJumped):
        async with fenced.write(stage.lease):
            raise AssertionError("nothing may be written")
    await asyncio.wait_for(stage.clock.doubt.wait(), 1)


async def test_an_idempotency_key_stands_for_its_import_however_the_clock_is_set(stage: Stage):
    """A month forward in a second makes no second import."""
    headers = {"Content-Type": "text/csv", "Idempotency-Key": "nightly"}
    first = await stage.api.post("/v1/imports", content=LEADS, headers=headers)
    stage.clock.jump(40 * DAY)
    await pass_by(stage, FOLLOWED)
    again = await stage.api.post("/v1/imports", content=LEADS, headers=headers)
    assert (again.json()["id"], again.headers["Idempotency-Replayed"]) == (first.json()["id"], "true")


async def test_a_clock_that_is_right_again_within_a_minute_was_never_followed(sqlite_url: str, log: Log):
    """What somebody named a time for is not sent for a moment's error."""
    clock = SteppedClock()
    async with staged(sqlite_url, clock) as stage:
        named = (clock() + timedelta(days=30)).isoformat().replace("+00:00", "Z")
        import_id = await stage.created(LEADS, not_before=named)
        clock.jump(100 * DAY)
        await pass_by(stage, 50)
        clock.jump(-100 * DAY)
        await pass_by(stage, FOLLOWED)
        assert (await stage.parts(import_id))[0]["waiting_for"] == "not_before"
        assert stage.posted == []
        assert await jumps(stage) == []
        assert (await check(stage, "clock"))["status"] == "ok"
        assert len(log.lines("the clock is right again")) == 1


async def test_results_that_are_late_are_waited_for_by_the_time_that_passes(stage: Stage):
    """An hour forward does not make a file that is one minute late one that never comes."""
    stage.simulator.order(Fault("late_file", seconds=120))
    import_id = await stage.created(LEADS_WITH_TROUBLE)
    while (await stage.parts(import_id))[0]["state"] != "collecting":
        await pass_by(stage, 5, step=5)
    stage.clock.jump(2 * HOUR)
    while (await stage.read(import_id))["status"] != "complete":
        await pass_by(stage, 5, step=5)
        assert stage.clock.elapsed < HOUR
    assert (await stage.read(import_id))["attention"] is None


async def test_a_key_of_a_client_is_what_its_end_says(stage: Stage):
    """A key's end is a moment that somebody named: it stays where it is."""
    key, written = await stage.container.keys.create("crm", [Scope.READ], expires_at=stage.clock() + timedelta(hours=2))
    stage.clock.jump(HOUR)
    await pass_by(stage, FOLLOWED)
    assert await stage.container.keys.caller(written)
    stage.clock.step(HOUR)
    assert await stage.container.keys.caller(written) is None
    assert key.expires_at is not None
