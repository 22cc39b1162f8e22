"""Sums that take long are kept for a time in proportion, and no others."""

from collections.abc import Awaitable, Callable

import pytest

from app.reporting.costly import Costly
from tests.support.clock import SteppedClock


def reading(clock: SteppedClock, seconds: float) -> tuple[list[int], Callable[[], Awaitable[int]]]:
    """What was read so far, and a way to read that takes so long."""
    numbers: list[int] = []

    async def read() -> int:
        clock.step(seconds)
        numbers.append(len(numbers))
        return numbers[-1]

    return numbers, read


@pytest.mark.parametrize(("took", "kept"), [(0.1, 1.9), (0.2, 3.8), (5.0, 5.0)])
async def test_what_takes_long_is_kept_twenty_times_as_long_but_ten_seconds_at_most(
    clock: SteppedClock, took: float, kept: float
):
    """Counted from when it was asked for: then it was as it is told."""
    costly = Costly[int](clock)
    _, read = reading(clock, took)
    assert await costly.get("all", read) == 0
    clock.step(kept - 0.01)
    assert await costly.get("all", read) == 0
    clock.step(0.02)
    assert await costly.get("all", read) == 1


async def test_what_takes_no_time_is_read_anew_each_time(clock: SteppedClock):
    costly = Costly[int](clock)
    _, read = reading(clock, 0.01)
    assert [await costly.get("all", read) for _ in range(3)] == [0, 1, 2]


async def test_each_name_has_its_own_and_may_be_kept_in_any_case(clock: SteppedClock):
    costly = Costly[int](clock, least_seconds=5)
    _, read = reading(clock, 0)
    assert [await costly.get(name, read) for name in ("a", "b", "a", "b")] == [0, 1, 0, 1]
    clock.step(5)
    assert await costly.get("a", read) == 2


async def test_an_error_is_not_kept(clock: SteppedClock):
    costly = Costly[int](clock)
    _, read = reading(clock, 1)

    async def fail() -> int:
        clock.step(1)
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        await costly.get("all", fail)
    assert await costly.get("all", read) == 0
