"""Prefetching: the next item of an iterator is made while the current one is used."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

Item = TypeVar("Item")


async def prefetch(items: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
    """Yield the same items, each fetched one ahead. Closing this iterator ends the fetching too."""
    async with aclosing(items):
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
