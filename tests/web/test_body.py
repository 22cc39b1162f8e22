"""An upload's body while its sender goes away, or its place is wanted."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Message

from app.domain.errors import BrokenUpload, TooManyRequests
from app.uploads.admission import Admission, Place
from app.uploads.fair_limit import FairLimit
from app.web.body import body_of

MORE, LAST = True, False


def piece(body: bytes, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


class Sender:
    """Sends what it is told to, and then waits until it is told to go."""

    def __init__(self, *messages: Message) -> None:
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self.send(*messages)
        self.was_cut_off = False

    def send(self, *messages: Message) -> None:
        for message in messages:
            self._messages.put_nowait(message)

    def goes(self) -> None:
        self.send({"type": "http.disconnect"})

    async def __call__(self) -> Message:
        try:
            return await self._messages.get()
        except asyncio.CancelledError:
            self.was_cut_off = True
            raise

    @property
    def request(self) -> Request:
        return Request({"type": "http", "method": "POST", "path": "/", "headers": []}, self)


@pytest.fixture
def place() -> Place:
    return Place("crm", Admission(FairLimit()))


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0)


async def test_pieces_come_as_they_were_sent(place: Place):
    sender = Sender(piece(b"a", MORE), piece(b"", MORE), piece(b"bc", LAST))
    async with body_of(sender.request, place) as body:
        assert [some async for some in body] == [b"a", b"bc"]
    assert not place.is_gone


async def test_who_goes_in_the_middle_is_noticed(place: Place):
    sender = Sender(piece(b"a", MORE))
    sender.goes()
    async with body_of(sender.request, place) as body:
        assert await anext(body) == b"a"
        with pytest.raises(ClientDisconnect):
            await anext(body)
    with pytest.raises(BrokenUpload):
        place.check()


async def test_who_goes_once_all_has_come_is_noticed_too(place: Place):
    """A megabyte that unpacks to a gigabyte is not unpacked for nobody."""
    sender = Sender(piece(b"a", LAST))
    async with body_of(sender.request, place) as body:
        assert [some async for some in body] == [b"a"]
        place.check()
        sender.goes()
        await until(lambda: place.is_gone)
    with pytest.raises(BrokenUpload):
        place.check()


async def test_NO_LOST_ROWS_a_place_that_is_wanted_hands_on_what_has_come(place: Place):
    """An empty piece says so; nothing is lost by it: what is being received is waited for, not cut off."""
    sender = Sender(piece(b"a", MORE))
    async with body_of(sender.request, place) as body:
        assert await anext(body) == b"a"
        coming = asyncio.ensure_future(anext(body))
        await until(lambda: place.waking)
        place.wake()
        assert await coming == b""
        sender.send(piece(b"b", LAST))
        assert [some async for some in body] == [b"b"]
        assert not sender.was_cut_off


async def test_a_place_that_has_to_end_ends_while_it_waits_for_its_caller(place: Place):
    sender = Sender(piece(b"a", MORE))
    async with body_of(sender.request, place) as body:
        assert await anext(body) == b"a"
        coming = asyncio.ensure_future(anext(body))
        await until(lambda: place.waking)
        place.must_end = True
        place.wake()
        assert await coming == b""
        with pytest.raises(TooManyRequests):
            await anext(body)
