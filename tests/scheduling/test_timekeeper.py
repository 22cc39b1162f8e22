"""The timekeeper: when a clock that was set is believed, and what moves along with it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.clock import Cause
from app.scheduling.timekeeper import Timekeeper
from app.store import clock_jumps, instances
from app.store.database import Database
from app.store.instances import LeaseTerm
from tests.support.clock import SteppedClock

HOUR = 3600


@pytest.fixture
async def keeper(sqlite_url: str, clock: SteppedClock) -> AsyncIterator[Timekeeper]:
    """Of a process that is alone: it goes by the machine's clock."""
    db = Database(sqlite_url)
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])
    yield Timekeeper(db, clock, look_seconds=1)
    await db.close()


async def causes(keeper: Timekeeper) -> list[Cause]:
    async with keeper.db.read() as tx:
        return [jump.cause for jump in await clock_jumps.known(tx)]


async def heartbeat(keeper: Timekeeper) -> None:
    """A worker has given a sign of life now."""
    at = keeper.clock()
    async with keeper.db.write() as tx:
        await instances.take_lease(tx, "default", worker="a", term=LeaseTerm(at, at + timedelta(seconds=30)), over=at)


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
async def test_a_clock_that_was_set_is_followed_once_it_has_stayed_so_for_a_minute(
    keeper: Timekeeper, clock: SteppedClock, seconds: float
):
    """Whoever holds times is told by how much they move, and the jump is recorded."""
    moved: list[float] = []
    keeper.moved.append(moved.append)
    before = clock()
    clock.jump(seconds)
    for _ in range(2):
        await keeper.look()
        assert keeper.doubt is not None
        clock.step(59.5)
    assert clock() - before == timedelta(seconds=119), "nobody has followed it yet"
    await keeper.look()
    assert keeper.doubt is None
    assert moved == [seconds]
    assert clock() - before == timedelta(seconds=119 + seconds)
    assert await causes(keeper) == [Cause.JUMP]
    assert (clock.jump_id, len(clock.jumps)) == (1, 1)


async def test_a_clock_that_is_right_again_in_time_is_not_followed(keeper: Timekeeper, clock: SteppedClock):
    """The minute begins anew with each time that it is set."""
    clock.jump(HOUR)
    await keeper.look()
    clock.step(59)
    clock.jump(HOUR)
    await keeper.look()
    clock.step(59)
    await keeper.look()
    clock.jump(-2 * HOUR)
    await keeper.look()
    assert keeper.doubt is None
    assert await causes(keeper) == []


async def test_a_clock_that_is_a_little_off_is_followed_without_a_word(keeper: Timekeeper, clock: SteppedClock):
    """Clocks are corrected by parts of a second all the time."""
    at = clock()
    clock.jump(0.9)
    await keeper.look()
    assert clock() - at == timedelta(seconds=0.9)
    assert await causes(keeper) == []


@pytest.mark.parametrize(
    ("rest_seconds", "recorded"),
    [(60.0, []), (86_399.0, []), (86_400.0, [Cause.GAP]), (-2.0, [Cause.JUMP])],
    ids=["a minute", "nearly a day", "a day", "back"],
)
async def test_a_start_is_held_against_the_last_sign_of_life(
    keeper: Timekeeper, clock: SteppedClock, rest_seconds: float, recorded: list[Cause]
):
    """A long rest looks as a clock that was set forward; one that lies ahead can only be a clock that was set back."""
    await heartbeat(keeper)
    another = SteppedClock(clock() + timedelta(seconds=rest_seconds))
    await Timekeeper(keeper.db, another, look_seconds=1).begin()
    assert await causes(keeper) == recorded
    assert another.jump_id == len(recorded)


async def test_the_first_start_of_all_has_nothing_to_be_held_against(keeper: Timekeeper, clock: SteppedClock):
    """And a process that is alone believes its clock at once."""
    await keeper.begin()
    assert await causes(keeper) == []
    assert clock.monotonic() >= clock.sure_from


async def test_whoever_begins_beside_others_leaves_them_time_to_notice_a_jump(postgres_url: str):
    """One and a half looks, before it calls one of them dead."""
    db = Database(postgres_url)
    clock = SteppedClock()
    try:
        await Timekeeper(db, clock, look_seconds=10).begin()
        assert clock.sure_from - clock.monotonic() == 15
    finally:
        await db.close()
