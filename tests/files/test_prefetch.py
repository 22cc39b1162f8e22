"""The next item is made while the one before it is used."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from app.files.prefetch import prefetch


async def test_the_same_items_come_in_the_same_order_each_fetched_one_early():
    """While the first is used, the second is under way."""
    made = []

    async def numbers() -> AsyncGenerator[int, None]:
        for n in range(1, 5):
            made.append(n)
            yield n

    found = []
    async for number in prefetch(numbers()):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        found.append((number, len(made)))
    assert found == [(1, 2), (2, 3), (3, 4), (4, 4)]


@pytest.mark.parametrize("after", [1, 2])
async def test_the_first_are_made_when_they_are_asked_for(after: int):
    """Those behind them, one early."""
    made = []

    async def numbers() -> AsyncGenerator[int, None]:
        for n in range(1, 5):
            made.append(n)
            yield n

    found = []
    async for number in prefetch(numbers(), after=after):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        found.append((number, len(made) - number))
    assert found == [(n, int(after < n < 4)) for n in range(1, 5)]


async def test_where_there_are_few_none_is_made_in_a_task():
    async def numbers() -> AsyncGenerator[int, None]:
        yield 1
        assert asyncio.current_task() is test
        yield 2

    test = asyncio.current_task()
    assert [number async for number in prefetch(numbers(), after=3)] == [1, 2]


async def test_an_error_comes_behind_the_items_before_it():
    """Not earlier, though it is known earlier."""

    async def numbers() -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("broken")

    found = []
    with pytest.raises(ValueError, match="broken"):
        async for number in prefetch(numbers()):
            await asyncio.sleep(0)
            found.append(number)
    assert found == [1]


async def test_closing_it_ends_the_fetching():
    """Nothing is left running, and an error that nobody asks for is no noise."""
    ended = asyncio.Event()

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.Event().wait()
            yield 2
        finally:
            ended.set()

    items = prefetch(numbers())
    assert await anext(items) == 1
    await items.aclose()
    assert ended.is_set()
