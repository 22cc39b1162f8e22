"""The body of an upload as it comes. Its sender may go away meanwhile, and other uploads may need its place."""

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
    """The body's bytes, chunk by chunk. After the last one, the caller is watched until the end of the block.

    An empty chunk means that the upload's place was woken. Errors: ClientDisconnect, TooSlow.
    """
    pending: list[asyncio.Future[Any]] = []

    async def chunks() -> AsyncGenerator[bytes, None]:
        has_more = True
        while has_more:
            place.check()
            receiving = pending[0] if pending else asyncio.ensure_future(request.receive())
            pending[:] = [receiving]
            await _wait_for_message(receiving, place)
            if not receiving.done():
                yield b""
                continue
            pending.clear()
            message = receiving.result()
            if message["type"] == "http.disconnect":
                place.is_gone = True
                raise ClientDisconnect
            has_more = message.get("more_body", False)
            if not has_more:
                pending.append(asyncio.create_task(_watch_for_disconnect(request, place)))
            if message.get("body"):
                yield message["body"]

    try:
        yield chunks()
    finally:  # nothing here may go on receiving when others do
        for task in pending:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # nobody else will ask


async def _wait_for_message(receiving: asyncio.Future[Message], place: Place) -> None:
    """Wait until a message has come or the place is woken.

    NO_LOST_ROWS: the receiving is never cancelled, for then a part of the body could be lost.
    """
    place.waking = asyncio.get_running_loop().create_future()
    if place.must_store:
        place.wake()  # it was asked to when nobody waited here
    either: tuple[asyncio.Future[Any], ...] = (receiving, place.waking)
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    place.waking = None


async def _watch_for_disconnect(request: Request, place: Place) -> None:
    """Note it when the caller hangs up."""
    with suppress(TooSlow):
        while (await request.receive())["type"] != "http.disconnect":
            pass
        place.is_gone = True
