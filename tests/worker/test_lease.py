"""The lease: one worker drives an instance at a time, and the next one counts what the last one called."""

import pytest

from app.marketo.allowance import Allowance
from app.settings import InstanceSettings
from app.store import instances
from app.store.database import Database
from app.worker.lease import Leases
from tests.support.clock import SteppedClock

MARKETO = InstanceSettings(base_url="http://marketo.example.com", client_id="id", client_secret="secret")


@pytest.fixture(autouse=True)
async def known(db: Database) -> None:
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])


def worker(db: Database, clock: SteppedClock, name: str) -> tuple[Leases, Allowance]:
    return Leases(db=db, now=clock, worker=name, seconds=30), Allowance(MARKETO, now=clock, sleep=clock.sleep)


async def call(allowance: Allowance, times: int) -> None:
    for _ in range(times):
        async with allowance.call():
            pass


async def test_a_second_worker_waits_until_the_first_shows_no_sign_of_life(database_url: str, clock: SteppedClock):
    """Only PostgreSQL has a second worker: on SQLite a process that starts knows that the last one is dead."""
    first_db, second_db = Database(database_url), Database(database_url)
    try:
        (first, allowance), (second, others) = worker(first_db, clock, "one"), worker(second_db, clock, "two")
        assert await first.keep("default", allowance)
        assert await second.keep("default", others) is first_db.on_sqlite
        if first_db.on_sqlite:
            return
        clock.step(29)
        assert not await first.keep("default", allowance), "a sign of life is no take-over"
        clock.step(29)
        assert not await second.keep("default", others)
        clock.step(2)
        assert await second.keep("default", others)
        assert second.held["default"].epoch == first.held["default"].epoch + 1
        assert not await first.keep("default", allowance), "another drives it now"
        assert not first.held
    finally:
        await first_db.close()
        await second_db.close()


async def test_FENCED_a_worker_that_lost_its_lease_locks_nothing(db: Database, clock: SteppedClock):
    """Its epoch is no longer the row's."""
    (first, allowance), (second, others) = worker(db, clock, "one"), worker(db, clock, "two")
    await first.keep("default", allowance)
    clock.step(31)
    await second.keep("default", others)
    async with db.write() as tx:
        assert await instances.lock(tx, "default", epoch=first.held["default"].epoch) is None
        assert await instances.lock(tx, "default", epoch=second.held["default"].epoch) is not None


async def test_after_a_crash_the_day_s_calls_go_on_and_the_window_counts_as_full(db: Database, clock: SteppedClock):
    """Marketo remembers what the dead worker called; so must the next one."""
    (first, allowance), (second, others) = worker(db, clock, "one"), worker(db, clock, "two")
    await first.keep("default", allowance)
    await call(allowance, 7)
    await first.keep("default", allowance)
    clock.step(31)
    await second.keep("default", others)
    assert (others.today, others.last_window) == (7, MARKETO.calls_per_window)


async def test_a_worker_that_says_goodbye_leaves_an_open_window_and_a_free_lease(db: Database, clock: SteppedClock):
    """The next one takes over at once, with the calls counted to the last."""
    (first, allowance), (second, others) = worker(db, clock, "one"), worker(db, clock, "two")
    await first.keep("default", allowance)
    await call(allowance, 7)
    await first.give_up("default", allowance)
    await first.give_up("default", allowance)
    assert not first.held
    assert await second.keep("default", others)
    assert others.today == 7


async def test_yesterday_s_calls_are_not_today_s(db: Database, clock: SteppedClock):
    """The quota resets at midnight US Central."""
    (first, allowance), (second, others) = worker(db, clock, "one"), worker(db, clock, "two")
    await first.keep("default", allowance)
    await call(allowance, 7)
    await first.keep("default", allowance)
    clock.step(86_400)
    others = Allowance(MARKETO, now=clock, sleep=clock.sleep)
    await second.keep("default", others)
    assert others.today == 0
