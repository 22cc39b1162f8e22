"""Answers that take long: a stream of events (server-sent events), and a wait that ends when its caller goes away."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import Request
from fastapi.sse import format_sse_event
from starlette.requests import ClientDisconnect

from app.api.auth import is_key_still_valid, unknown_key
from app.api.schemas.events import Event
from app.domain.errors import BadParameter, Detail, TooSlow
from app.domain.timeouts import RECONNECT_SECONDS
from app.reporting.follow import Follow
from app.web import open_streams
from app.web.negotiation import preferred
from app.web.open_streams import Events
from app.web.values import LARGEST_ID

JSON, EVENT_STREAM = "application/json", "text/event-stream"
COMMENT = b":\n"
"""No blank line follows: some readers take every blank line for the end of a message, and hand on an empty one."""
ID_DIGITS = 19  # of the largest id that a database can give
Answer = TypeVar("Answer")


def is_wanted(request: Request) -> bool:
    """Whether the caller asks for a stream of events."""
    return preferred(request, JSON, EVENT_STREAM) == EVENT_STREAM


def last_event_id(request: Request) -> int:
    """The id of the last event that the caller got from an earlier stream; 0 for none. Errors: BadParameter."""
    text = request.headers.get("last-event-id") or "0"
    if not text.isascii() or not text.isdigit() or len(text) > ID_DIGITS:
        message = "Last-Event-ID is the id of an event, as the stream gave it; begin without one"
        raise BadParameter(message, details=(Detail(message, field="Last-Event-ID"),))
    return min(int(text), LARGEST_ID)


def stream(request: Request, follow: Follow, import_id: int, *, after: int) -> Events:
    """Each event as one message, with its id; comments at the beginning and in silence keep proxies from hanging up.

    No message is without an event: when to reconnect is told with the first.

    It ends when the caller's key is no longer valid. Errors: TooManyRequests.
    """
    open_streams.check(request)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no", "Vary": "Accept"}
    return Events(_messages(request, follow, import_id, after), headers=headers)


async def _messages(request: Request, follow: Follow, import_id: int, after: int) -> AsyncIterator[bytes]:
    first, last = (1000 * seconds for seconds in RECONNECT_SECONDS)
    retry: int | None = first + secrets.randbelow(last - first)
    yield COMMENT
    async for page in follow.events(import_id, after=after):
        if not await is_key_still_valid(request):
            return
        messages = []
        for event in page:
            data = Event.of(event).model_dump_json()
            messages.append(format_sse_event(id=str(event.id), data_str=data, retry=retry))
            retry = None
        yield b"".join(messages) or COMMENT


async def while_there(request: Request, answer: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer, unless its caller goes away first: then the work on it is cancelled.

    Errors: ClientDisconnect; Unauthorized, where the key is no longer valid by then; TooManyRequests.
    """
    try:
        with open_streams.waiting(request):
            result = await _unless_left(request, answer)
    finally:
        answer.close()  # where it has not been begun
    if not await is_key_still_valid(request):
        raise unknown_key()
    return result


async def _unless_left(request: Request, answer: Coroutine[Any, Any, Answer]) -> Answer:
    answering, leaving = asyncio.ensure_future(answer), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise ClientDisconnect
        return answering.result()
    finally:
        for task in (answering, leaving):
            task.cancel()
        await asyncio.wait({answering, leaving})


async def _left(request: Request) -> None:
    with suppress(TooSlow):  # of a body that nobody reads
        while (await request.receive())["type"] != "http.disconnect":
            pass
