"""The lease: one worker drives an instance at a time, and the next one counts what the last one called."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from app.domain.instances import Fault
from app.domain.throughput import ThroughputModel
from app.marketo.rate_limit import RateLimiter
from app.scheduling.queue_model import QueueModel
from app.settings import InstanceSettings
from app.store import instances
from app.store.database import Database
from app.worker.leases import Leases
from tests.support.clock import SteppedClock

pytestmark = pytest.mark.both_databases

MARKETO = InstanceSettings(base_url="http://marketo.example.com", client_id="id", client_secret="secret")


@pytest.fixture(autouse=True)
async def known(db: Database) -> None:
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])


@dataclass
class InstanceWorker:
    """Of an instance worker, what a lease looks at."""

    rate_limiter: RateLimiter
    queue_model: QueueModel
    max_queued: int = 10
    ticked: dict[str, datetime] = field(default_factory=dict)
    failing: dict[str, Fault] = field(default_factory=dict)


def instance_worker(clock: SteppedClock) -> Any:
    watch = QueueModel(importers=2, poll_min_seconds=5, poll_max_seconds=30)
    return InstanceWorker(RateLimiter(MARKETO, now=clock, sleep=clock.sleep), watch)


def worker(db: Database, clock: SteppedClock, name: str) -> tuple[Leases, Any]:
    return Leases(db=db, now=clock, worker=name, seconds=30), instance_worker(clock)


async def call(instance_worker: InstanceWorker, times: int) -> None:
    for _ in range(times):
        async with instance_worker.rate_limiter.call():
            pass


async def test_a_second_worker_waits_until_the_first_shows_no_sign_of_life(database_url: str, clock: SteppedClock):
    """Only PostgreSQL has a second worker: on SQLite a process that starts knows that the last one is dead."""
    first_db, second_db = Database(database_url), Database(database_url)
    try:
        (first, ours), (second, others) = worker(first_db, clock, "one"), worker(second_db, clock, "two")
        assert await first.keep("default", ours)
        assert await second.keep("default", others) is first_db.on_sqlite
        if first_db.on_sqlite:
            return
        clock.step(29)
        assert not await first.keep("default", ours), "a sign of life is no take-over"
        clock.step(29)
        assert not await second.keep("default", others)
        clock.step(2)
        assert await second.keep("default", others)
        assert second.held["default"].epoch == first.held["default"].epoch + 1
        assert not await first.keep("default", ours), "another drives it now"
        assert not first.held
    finally:
        await first_db.close()
        await second_db.close()


async def test_FENCED_a_worker_that_lost_its_lease_locks_nothing(db: Database, clock: SteppedClock):
    """Its epoch is no longer the row's."""
    (first, ours), (second, others) = worker(db, clock, "one"), worker(db, clock, "two")
    await first.keep("default", ours)
    clock.step(31)
    await second.keep("default", others)
    async with db.write() as tx:
        assert await instances.lock(tx, "default", epoch=first.held["default"].epoch) is None
        assert await instances.lock(tx, "default", epoch=second.held["default"].epoch) is not None


async def test_after_a_crash_the_calls_of_the_day_and_of_the_window_go_on(db: Database, clock: SteppedClock):
    """Marketo remembers what the dead worker called; so must the next one, until the window has passed."""
    (first, ours), (second, others) = worker(db, clock, "one"), worker(db, clock, "two")
    await first.keep("default", ours)
    await call(ours, 7)
    await first.keep("default", ours)
    async with db.write() as tx:
        await instances.give_up_lease(tx, "default", epoch=first.held["default"].epoch, now=clock())
    clock.step(1)
    await second.keep("default", others)
    assert (others.rate_limiter.today, others.rate_limiter.last_window) == (7, 7)
    clock.step(20)
    assert (others.rate_limiter.today, others.rate_limiter.last_window) == (7, 0)


async def test_a_worker_that_says_goodbye_leaves_an_open_window_and_a_free_lease(db: Database, clock: SteppedClock):
    """The next one takes over at once, with the calls counted to the last."""
    (first, ours), (second, others) = worker(db, clock, "one"), worker(db, clock, "two")
    await first.keep("default", ours)
    await call(ours, 7)
    await first.give_up("default", ours)
    await first.give_up("default", ours)
    assert not first.held
    assert await second.keep("default", others)
    assert others.rate_limiter.today == 7


async def test_yesterday_s_calls_are_not_today_s(db: Database, clock: SteppedClock):
    """The quota resets at midnight US Central."""
    (first, ours), (second, others) = worker(db, clock, "one"), worker(db, clock, "two")
    await first.keep("default", ours)
    await call(ours, 7)
    await first.keep("default", ours)
    clock.step(86_400)
    others = instance_worker(clock)
    await second.keep("default", others)
    assert others.rate_limiter.today == 0


async def test_what_was_learnt_of_the_pace_is_handed_on(db: Database, clock: SteppedClock):
    """The next worker need not find out again how fast Marketo is."""
    (first, ours), (second, others) = worker(db, clock, "one"), worker(db, clock, "two")
    await first.keep("default", ours)
    ours.queue_model.throughput = ThroughputModel().observe(1000, 10).observe(2000, 20)
    await first.give_up("default", ours)
    await second.keep("default", others)
    assert others.queue_model.throughput == ours.queue_model.throughput


async def test_a_sign_of_life_is_due_after_a_third_of_the_lease(db: Database, clock: SteppedClock):
    """And no call is gone on with in the last tenth: another host's clock may be ahead."""
    first, ours = worker(db, clock, "one")
    await first.keep("default", ours)
    lease = first.held["default"]
    assert first.is_fresh("default")
    clock.step(11)
    assert not first.is_fresh("default")
    assert lease.holds(clock.monotonic())
    clock.step(16)
    assert not lease.holds(clock.monotonic())
    await first.keep("default", ours)
    assert lease is first.held["default"]
    assert lease.until == clock.monotonic() + 27
