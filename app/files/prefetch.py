"""Side by side: the next item is made while the one before it is used."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

Item = TypeVar("Item")


async def prefetch(items: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
    """The same items, each fetched one early. Close it, and the fetching ends too."""
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
                coming.exception()  # nobody else will ask
