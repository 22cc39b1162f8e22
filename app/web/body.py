"""A request's body as it comes, for an upload: its sender may go away, and others may need what it holds."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import Request
from starlette.requests import ClientDisconnect

from app.domain.errors import TooSlow
from app.steps.admission import Place


@asynccontextmanager
async def body_of(request: Request, place: Place) -> AsyncIterator[AsyncGenerator[bytes, None]]:
    """Its bytes. Once they all have come, whether the caller is still there is watched until the end of the block.

    An empty piece means that the place is wanted for something. Errors: ClientDisconnect, TooSlow.
    """
    watching: list[asyncio.Task[None]] = []

    async def pieces() -> AsyncGenerator[bytes, None]:
        more = True
        while more:
            place.check()
            try:
                async with asyncio.timeout(None) as place.reading:
                    message = await request.receive()
            except TimeoutError:  # nobody is late: place.wake()
                yield b""
                continue
            finally:
                place.reading = None
            if message["type"] == "http.disconnect":
                place.is_gone = True
                raise ClientDisconnect
            more = message.get("more_body", False)
            if not more:
                watching.append(asyncio.create_task(_watch(request, place)))
            if message.get("body"):
                yield message["body"]

    try:
        yield pieces()
    finally:
        for task in watching:
            task.cancel()


async def _watch(request: Request, place: Place) -> None:
    with suppress(TooSlow):
        while (await request.receive())["type"] != "http.disconnect":
            pass
        place.is_gone = True
