"""A request's body as it comes, for an upload: its sender may go away, and others may need what it holds."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Message

from app.domain.errors import TooSlow
from app.uploads.admission import Place


@asynccontextmanager
async def body_of(request: Request, place: Place) -> AsyncIterator[AsyncGenerator[bytes, None]]:
    """Its bytes. Once they all have come, whether the caller is still there is watched until the end of the block.

    An empty piece means that the place is wanted for something. Errors: ClientDisconnect, TooSlow.
    """
    pending: list[asyncio.Future[Any]] = []

    async def chunks() -> AsyncGenerator[bytes, None]:
        more = True
        while more:
            place.check()
            coming = pending[0] if pending else asyncio.ensure_future(request.receive())
            pending[:] = [coming]
            await _done_or_woken(coming, place)
            if not coming.done():
                yield b""
                continue
            pending.clear()
            message = coming.result()
            if message["type"] == "http.disconnect":
                place.is_gone = True
                raise ClientDisconnect
            more = message.get("more_body", False)
            if not more:
                pending.append(asyncio.create_task(_watch(request, place)))
            if message.get("body"):
                yield message["body"]

    try:
        yield chunks()
    finally:  # whoever reads on reads alone
        for task in pending:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # nobody else will ask


async def _done_or_woken(coming: asyncio.Future[Message], place: Place) -> None:
    """NO_LOST_ROWS: what is being received is not cancelled, for then some of it might be gone."""
    place.waking = asyncio.get_running_loop().create_future()
    either: tuple[asyncio.Future[Any], ...] = (coming, place.waking)
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    place.waking = None


async def _watch(request: Request, place: Place) -> None:
    with suppress(TooSlow):
        while (await request.receive())["type"] != "http.disconnect":
            pass
        place.is_gone = True
