"""Admission: which uploads are under way, whose turn it is to be worked on, and how much memory they hold together.

Half-open uploads, silent ones and slow ones cost their client's share and nobody else's: each client has only so many
at once, those who wait go client by client, and when all together hold too much, the one that holds most gives way.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from app.domain.errors import BrokenUpload, TooManyRequests
from app.domain.timeouts import UPLOAD_RETRY_SECONDS, UPLOAD_WAIT_SECONDS
from app.uploads.fair_limit import FairLimit

MEMORY_BYTES = 64 << 20  # that all uploads of a process hold together, but for what is worked on in this moment
WORKED_ON = 2  # uploads that a thread cuts at once: with more of them, everything else waits for Python's lock
STORED = 2  # parts that are written at once: each is held once more by the connection that sends it
UNAUTHENTICATED = 4  # forms at once of whom nobody knows yet who sends them
NOBODY = ""  # no client has this name
WAITING = 64  # uploads of one client that may wait for a place


@dataclass(slots=True, eq=False)
class Place:
    """One upload under way. `held_bytes` of memory; `least_bytes` of them it cannot do without."""

    client: str
    admission: "Admission"
    held_bytes: int = 0
    least_bytes: int = 0
    must_store: bool = False  # what it has, as it is: others need the memory
    must_end: bool = False
    is_gone: bool = False  # the caller
    first_awaits_more: bool = True  # one part is made, and held until it is known whether it is the whole file
    waking: asyncio.Future[None] | None = None  # ends the wait for more of the body
    _moving: list[int] = field(default_factory=list)  # sizes of parts on their way into the database, in bytes

    def note(self, held_bytes: int, least_bytes: int) -> None:
        """Tell how much it holds now."""
        self.held_bytes, self.least_bytes = held_bytes, least_bytes
        self.admission.relieve()

    def moves(self, size_bytes: int) -> None:
        """A part of this size is made."""
        self._moving.append(size_bytes)

    def moved(self) -> None:
        """The first of those is stored."""
        self._moving.pop(0)
        self.admission.freed.set()

    async def room(self) -> None:
        """Wait while all hold too much and this one has parts to store, of which the first may await more."""
        while len(self._moving) > self.first_awaits_more and self.admission.excess_bytes > 0:
            self.admission.freed.clear()
            await self.admission.freed.wait()

    @property
    def memory_bytes(self) -> int:
        return self.held_bytes + self.moving_bytes

    @property
    def moving_bytes(self) -> int:
        return sum(self._moving)

    def check(self) -> None:
        """Errors: BrokenUpload, where nobody waits for it any more; TooManyRequests uploads_full."""
        if self.is_gone:
            raise BrokenUpload("The upload broke off. Send the file again.")
        if self.must_end:
            raise TooManyRequests(
                "The uploads under way hold more memory than they may, and this one the most of it. Send it again.",
                code="uploads_full",
                retry_after_seconds=UPLOAD_RETRY_SECONDS,
            )

    def wake(self) -> None:
        """It is asked for something; where it waits for its caller, it is to see that at once."""
        if self.waking and not self.waking.done():
            self.waking.set_result(None)

    def turn(self) -> AbstractAsyncContextManager[None]:
        """To be worked on."""
        return self.admission.turns.held(self.client)

    def storing(self) -> AbstractAsyncContextManager[None]:
        """To write a part."""
        return self.admission.stores.held(self.client)


@dataclass(slots=True)
class Admission:
    limit: FairLimit
    memory_bytes: int = MEMORY_BYTES
    turns: FairLimit = field(default_factory=lambda: FairLimit(WORKED_ON))
    stores: FairLimit = field(default_factory=lambda: FairLimit(STORED))
    unauthenticated: FairLimit = field(default_factory=lambda: FairLimit(UNAUTHENTICATED))
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    ended: int = 0  # how many uploads have, whatever came of them
    _places: set[Place] = field(default_factory=set)

    @asynccontextmanager
    async def place(self, client: str) -> AsyncIterator[Place]:
        """A place for one upload, as soon as there is one.

        Errors: TooManyRequests uploads_full, client_uploads_full.
        """
        await self._take(client)
        place = Place(client, self)
        self._places.add(place)
        try:
            yield place
        finally:
            self._places.discard(place)
            self.ended += 1
            self.freed.set()
            self.limit.give_back(client)

    @asynccontextmanager
    async def unauthenticated_place(self) -> AsyncIterator[Place]:
        """A place for a form that may name its sender inside, if there is one now. Errors: TooManyRequests."""
        if not self.unauthenticated.may_take(NOBODY):
            raise TooManyRequests(
                f"{UNAUTHENTICATED} forms without a token in their header are under way. "
                "Send it there, or try again later.",
                code="uploads_full",
                retry_after_seconds=UPLOAD_RETRY_SECONDS,
            )
        async with self.unauthenticated.held(NOBODY):
            yield Place(NOBODY, self)

    @property
    def excess_bytes(self) -> int:
        """What all hold more than they may, those apart that are about to end."""
        return sum(place.memory_bytes for place in self._places if not place.must_end) - self.memory_bytes

    def relieve(self) -> None:
        """Where all hold too much, have those store what they can that free most by it; or have the largest end."""
        excess_bytes = self.excess_bytes
        staying = [place for place in self._places if not place.must_end]
        for place in sorted(staying, key=_spare_bytes, reverse=True):
            if excess_bytes <= 0 or not _spare_bytes(place):
                break
            excess_bytes -= _spare_bytes(place)
            if not place.must_store:
                place.must_store = True
                place.wake()
        if sum(place.least_bytes for place in staying) > self.memory_bytes:
            largest = max(staying, key=lambda place: place.least_bytes)
            largest.must_end = True
            largest.wake()

    async def _take(self, client: str) -> None:
        if self.limit.may_take(client) or self.limit.waiting_of(client) < WAITING:
            try:
                async with asyncio.timeout(UPLOAD_WAIT_SECONDS):
                    await self.limit.take(client)
            except TimeoutError:
                raise self._full(client) from None
        else:
            raise self._full(client)

    def _full(self, client: str) -> TooManyRequests:
        if self.limit.taken_by(client) >= self.limit.client_most:
            message = (
                f"{self.limit.client_most} of your uploads are under way. Send this one when one of them has ended."
            )
            return TooManyRequests(message, code="client_uploads_full", retry_after_seconds=UPLOAD_RETRY_SECONDS)
        message = f"{self.limit.most} uploads are under way. Send this one when one of them has ended."
        return TooManyRequests(message, code="uploads_full", retry_after_seconds=UPLOAD_RETRY_SECONDS)


def _spare_bytes(place: Place) -> int:
    """What it can store at once: rows that make no whole part yet, and a first part that waits for more."""
    begun = place.held_bytes - place.least_bytes
    return begun + (place.moving_bytes if place.first_awaits_more else 0)
