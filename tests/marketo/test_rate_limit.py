"""The call allowance, on a clock that is stepped by its own waits."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.instances import Calls
from app.marketo.rate_limit import DayUsedUp, RateLimiter
from tests.marketo.stage import SteppedClock, instance


def rate_limiter(clock: SteppedClock, **knobs: object) -> RateLimiter:
    return RateLimiter(instance(**knobs), now=clock, sleep=clock.sleep)


async def call(allowed: RateLimiter, clock: SteppedClock, made_at: list[datetime]) -> None:
    async with allowed.call():
        made_at.append(clock())


@given(
    pauses=st.lists(st.floats(0, 30, allow_nan=False), max_size=60),
    calls=st.integers(1, 5),
    window=st.sampled_from([1, 7, 20]),
)
def test_no_sliding_window_ever_sees_more_calls_than_allowed(pauses, calls, window):
    """Whatever the pauses between calls: from any call on, a window's length holds at most N."""
    clock, made_at = SteppedClock(), []

    async def walk() -> None:
        allowed = rate_limiter(clock, calls_per_window=calls, window_seconds=window)
        for pause in pauses:
            clock.step(pause)
            await call(allowed, clock, made_at)

    asyncio.run(walk())
    assert len(made_at) == len(pauses)
    for first in made_at:
        assert sum(first <= at < first + timedelta(seconds=window) for at in made_at) <= calls


async def test_a_burst_after_a_quiet_spell_does_not_double():
    """A leaky bucket would let 50 through, and nearly 50 more within the same 20 s."""
    clock, made_at = SteppedClock(), []
    allowed = rate_limiter(clock)
    clock.step(3600)
    for _ in range(101):
        await call(allowed, clock, made_at)
    assert [(at - made_at[0]).total_seconds() for at in (made_at[49], made_at[50], made_at[100])] == [0, 20, 40]


async def test_calls_that_come_together_still_keep_the_window():
    """Many tasks at once, one window."""
    clock, made_at = SteppedClock(), []
    allowed = rate_limiter(clock, calls_per_window=3, concurrent_calls=10)
    await asyncio.gather(*(call(allowed, clock, made_at) for _ in range(10)))
    assert sorted((at - made_at[0]).total_seconds() for at in made_at) == [0, 0, 0, 20, 20, 20, 40, 40, 40, 60]


async def test_no_more_calls_run_at_once_than_allowed():
    """The sixth waits until one of five has ended."""
    allowed, under_way, most = rate_limiter(SteppedClock()), 0, 0

    async def one() -> None:
        nonlocal under_way, most
        async with allowed.call():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert most == 5


async def test_a_call_that_fails_gives_its_place_back():
    """An exception inside, or a cancellation, frees the place for the next."""
    clock = SteppedClock()
    allowed = rate_limiter(clock, concurrent_calls=1)
    with pytest.raises(RuntimeError):
        async with allowed.call():
            raise RuntimeError
    await asyncio.wait_for(call(allowed, clock, []), 1)


async def test_when_marketo_says_that_the_window_is_full_it_is():
    """It counts everybody's calls: the first call waits a whole window."""
    clock, made_at = SteppedClock(), []
    allowed = rate_limiter(clock)
    began = clock()
    allowed.full()
    assert allowed.last_window == 50
    await call(allowed, clock, made_at)
    assert made_at == [began + timedelta(seconds=20)]
    assert (allowed.last_window, allowed.today) == (1, 1)


@pytest.mark.parametrize("seconds", [-3600, 3600, 100 * 86_400])
async def test_a_clock_that_is_set_changes_nothing_about_the_window(seconds):
    """It goes by the time that passes."""
    clock, made_at = SteppedClock(), []
    allowed = rate_limiter(clock, calls_per_window=1)
    await call(allowed, clock, made_at)
    clock.step(5)
    clock.follow(seconds)
    await call(allowed, clock, made_at)
    assert sum(clock.slept) == 15


async def test_a_clock_that_goes_forward_for_a_moment_takes_no_day_away():
    """What was said of a day in the far future is not believed once that is over; nor does its count go on for ever."""
    clock = SteppedClock()
    allowed = rate_limiter(clock, daily_calls=2)
    clock.follow(100 * 86_400)
    allowed.used_up()
    clock.follow(-100 * 86_400)
    with pytest.raises(DayUsedUp):
        await call(allowed, clock, [])
    clock.step(86_400)
    for _ in range(2):
        await call(allowed, clock, [])
    with pytest.raises(DayUsedUp):
        await call(allowed, clock, [])
    clock.step(86_400)
    await call(allowed, clock, [])
    assert allowed.today == 1


async def test_a_used_up_day_is_said_at_once_and_with_its_end():
    """No wait and no call: the day has to end."""
    clock = SteppedClock(datetime(2026, 11, 4, 12, tzinfo=UTC))
    allowed = rate_limiter(clock, daily_calls=2)
    for _ in range(2):
        await call(allowed, clock, [])
    with pytest.raises(DayUsedUp, match="2026-11-05T06:00Z") as over:
        await call(allowed, clock, [])
    assert over.value.resets_at == datetime(2026, 11, 5, 6, tzinfo=UTC)
    assert (allowed.today, allowed.day, clock.slept) == (2, date(2026, 11, 4), [])


@pytest.mark.parametrize(
    ("last_second", "next_reset"),
    [
        ("2026-07-02T04:59:59+00:00", "2026-07-03T05:00:00+00:00"),  # summer: UTC−5
        ("2026-12-02T05:59:59+00:00", "2026-12-03T06:00:00+00:00"),  # winter: UTC−6
        ("2026-03-08T05:59:59+00:00", "2026-03-09T05:00:00+00:00"),  # a day of 23 hours follows
        ("2026-11-01T04:59:59+00:00", "2026-11-02T06:00:00+00:00"),  # a day of 25 hours follows
    ],
)
async def test_the_day_begins_anew_at_midnight_us_central(last_second, next_reset):
    """Summer, winter, and the two nights in which the clock is changed."""
    clock = SteppedClock(datetime.fromisoformat(last_second))
    allowed = rate_limiter(clock, daily_calls=1)
    await call(allowed, clock, [])
    with pytest.raises(DayUsedUp):
        await call(allowed, clock, [])
    clock.step(1)
    assert (allowed.today, allowed.resets_at) == (0, datetime.fromisoformat(next_reset))
    await call(allowed, clock, [])
    assert allowed.today == 1


async def test_a_wait_for_the_window_that_crosses_midnight_counts_for_the_new_day():
    """The last call of a day that has to wait until the next is the first of that."""
    clock = SteppedClock(datetime(2026, 12, 2, 5, 59, 55, tzinfo=UTC))
    allowed = rate_limiter(clock, calls_per_window=1, daily_calls=2)
    await call(allowed, clock, [])
    await call(allowed, clock, [])
    assert (allowed.day, allowed.today) == (date(2026, 12, 2), 1)


async def test_two_that_wait_for_the_last_call_of_the_day_do_not_both_get_it():
    """The day is looked at again after the wait."""
    clock = SteppedClock()
    allowed = rate_limiter(clock, calls_per_window=1, daily_calls=2)
    said = await asyncio.gather(*(call(allowed, clock, []) for _ in range(4)), return_exceptions=True)
    assert [type(each) for each in said] == [type(None), type(None), DayUsedUp, DayUsedUp]
    assert allowed.today == 2


async def test_the_count_of_an_earlier_process_is_gone_on_with_if_its_day_is_today():
    """Yesterday's count is worth nothing, and a smaller one never undoes a larger."""
    clock = SteppedClock()
    allowed = rate_limiter(clock)
    allowed.go_on_from(Calls(date(2026, 11, 3), 700, 0, clock()))
    assert allowed.today == 0
    allowed.go_on_from(Calls(date(2026, 11, 4), 700, 0, clock()))
    allowed.go_on_from(Calls(date(2026, 11, 4), 3, 0, clock()))
    assert allowed.today == 700


async def test_a_new_worker_counts_what_the_last_one_called_in_the_window():
    """As of when that was counted; a clock that is behind the other's does not make it last longer."""
    clock, made_at = SteppedClock(), []
    allowed = rate_limiter(clock, calls_per_window=10)
    began = clock()
    allowed.go_on_from(Calls(date(2026, 11, 4), 10, 8, began + timedelta(seconds=3600)))
    for _ in range(3):
        await call(allowed, clock, made_at)
    assert made_at == [began, began, began + timedelta(seconds=20)]


async def test_calls_that_no_earlier_worker_knows_of_are_counted_besides():
    """Those that were made without driving the instance, once; what was handed on comes back with the others'."""
    clock = SteppedClock()
    allowed = rate_limiter(clock)
    for _ in range(3):
        await call(allowed, clock, [])
    allowed.go_on_from(Calls(date(2026, 11, 4), 10, 0, clock()))
    assert allowed.today == allowed.counted().today == 13
    for _ in range(2):
        await call(allowed, clock, [])
    allowed.go_on_from(Calls(date(2026, 11, 4), 20, 0, clock()))
    assert allowed.today == 22
