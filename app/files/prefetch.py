"""Prefetching: the next item of an iterator is made while the current one is used."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

Item = TypeVar("Item")


async def prefetch(items: AsyncGenerator[Item, None], *, after: int = 0) -> AsyncGenerator[Item, None]:
    """Yield the same items, each fetched one ahead. Closing this iterator ends the fetching too.

    `after`: the first so many are made when they are asked for, without a task, which costs more than a small item.
    """
    async with aclosing(items):
        for _ in range(after):
            if (item := await anext(items, None)) is None:
                return
            yield item
        coming = asyncio.ensure_future(anext(items, None))
        try:
            while (item := await coming) is not None:
                coming = asyncio.ensure_future(anext(items, None))
                yield item
        finally:
            coming.cancel()
            await asyncio.wait([coming])
            if not coming.cancelled():
                coming.exception()  # marks it as retrieved: nobody else will ask for it
