"""A sum over very much is kept for a time in proportion, and then told as it was while it is read anew."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.reporting.costly import Costly
from app.store.database import Database
from tests.support.clock import SteppedClock

LARGE, SMALL = 10_000, 9_999
pytestmark = pytest.mark.one_database


def reading(clock: SteppedClock, took: float, *, values: list[int]) -> Callable[[AsyncConnection], Awaitable[int]]:
    """Takes so long, and gives these values, one after the other."""

    async def read(tx: AsyncConnection) -> int:
        assert not tx.closed
        clock.step(took)
        return values.pop(0)

    return read


def sums(db: Database, clock: SteppedClock, least_seconds: float = 0) -> Costly[int]:
    return Costly(db, clock, lambda value: value, least_seconds)


@pytest.mark.parametrize(("took", "fresh"), [(0.1, 2.0), (0.3, 6.0), (1.0, 10.0)])
async def test_a_large_sum_is_kept_twenty_times_as_long_as_it_took_and_ten_seconds_at_most(
    db: Database, clock: SteppedClock, took: float, fresh: float
):
    """Counted from when its reading began: it is told as of then. After that it is read aside."""
    costly, read = sums(db, clock), reading(clock, took, values=[LARGE, LARGE + 1])
    async with db.read() as tx:
        assert await costly.get(tx, "all", read) == LARGE
        clock.step(fresh - took - 0.01)
        assert await costly.get(tx, "all", read) == LARGE
        assert not costly._reading
        clock.step(0.02)
        assert await costly.get(tx, "all", read) == LARGE, "nobody waits for it"
        await asyncio.gather(*costly._reading.values())
        assert await costly.get(tx, "all", read) == LARGE + 1


async def test_who_has_no_transaction_opens_one_for_what_is_not_kept_alone(
    db: Database, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
):
    costly, read = sums(db, clock), reading(clock, 0.1, values=[LARGE])
    assert await costly.get(None, "all", read) == LARGE
    monkeypatch.setattr(db, "read", None)
    assert await costly.get(None, "all", read) == LARGE


async def test_after_a_quarter_of_a_minute_it_is_not_told_as_it_was(db: Database, clock: SteppedClock):
    costly, read = sums(db, clock), reading(clock, 0.1, values=[LARGE, LARGE + 1])
    async with db.read() as tx:
        await costly.get(tx, "all", read)
        clock.step(15)
        assert await costly.get(tx, "all", read) == LARGE + 1


async def test_a_small_sum_is_of_the_moment_however_long_it_took(db: Database, clock: SteppedClock):
    """So is what has become small."""
    costly, read = sums(db, clock), reading(clock, 1, values=[SMALL, 0, LARGE, 1, 2])
    async with db.read() as tx:
        assert [await costly.get(tx, "all", read) for _ in range(4)] == [SMALL, 0, LARGE, LARGE]
        clock.step(15)
        assert [await costly.get(tx, "all", read) for _ in range(2)] == [1, 2]


async def test_each_name_has_its_own_and_may_be_kept_in_any_case(db: Database, clock: SteppedClock):
    costly, read = sums(db, clock, least_seconds=5), reading(clock, 0, values=[0, 1, 2])
    async with db.read() as tx:
        assert [await costly.get(tx, name, read) for name in ("a", "b", "a", "b")] == [0, 1, 0, 1]
        clock.step(5)
        assert await costly.get(tx, "a", read) == 2


async def test_an_error_aside_is_met_by_who_asks_once_it_is_told_no_more(db: Database, clock: SteppedClock):
    costly = sums(db, clock)

    async def fail(_: AsyncConnection) -> int:
        raise ConnectionError("gone")

    async with db.read() as tx:
        await costly.get(tx, "all", reading(clock, 0.1, values=[LARGE]))
        clock.step(10)
        assert await costly.get(tx, "all", fail) == LARGE
        await asyncio.wait(costly._reading.values())
        assert await costly.get(tx, "all", fail) == LARGE
        await asyncio.wait(costly._reading.values())
        clock.step(5)
        with pytest.raises(ConnectionError, match="gone"):
            await costly.get(tx, "all", fail)
