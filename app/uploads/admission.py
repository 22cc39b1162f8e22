"""Admission: which uploads are under way, which of them is worked on next, and how much memory all of them hold.

An upload that is half open, silent or slow takes from its client's share and from nobody else's: each client may have
only so many at once, those that wait take turns by client, and where all together hold too much memory, the one that
holds most of it has to end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from app.domain.errors import BrokenUpload, TooManyRequests
from app.domain.timeouts import UPLOAD_RETRY_SECONDS, UPLOAD_WAIT_SECONDS
from app.uploads.fair_limit import FairLimit

MEMORY_BYTES = 64 << 20  # what all uploads of a process may hold together, beside what is being worked on
WORKED_ON = 2  # uploads that are cut in threads at once: with more, all other work waits for Python's lock
STORED = 2  # parts that are written at once: the database connection holds another copy of each
UNAUTHENTICATED = 4  # forms at once whose sender is not known before the form is read
NOBODY = ""  # stands for an unknown sender: no client has this name
WAITING = 64  # uploads of one client that may wait for a place


@dataclass(slots=True, eq=False)
class Place:
    """One upload under way, and the memory that it holds."""

    client: str
    admission: "Admission"
    held_bytes: int = 0  # beside its finished parts
    least_bytes: int = 0  # how much of that it cannot do without
    must_store: bool = False  # it has to store what it has, however little: others need the memory
    must_end: bool = False  # it has to be refused: others need the memory
    is_gone: bool = False  # its caller has gone away
    first_awaits_more: bool = True  # its first part is held until it is known whether it is the whole file
    waking: asyncio.Future[None] | None = None  # set while it waits for more of the body; a result ends that wait
    moving_bytes: int = 0  # of finished parts that are not stored yet
    _moving: list[int] = field(default_factory=list)  # their sizes

    def note(self, held_bytes: int, least_bytes: int) -> None:
        """Take note of how much it holds now, and let others store or end where all hold too much."""
        self.held_bytes, self.least_bytes = held_bytes, least_bytes
        self.admission.relieve()

    def moves(self, size_bytes: int) -> None:
        """A part of this size is finished, and is to be stored."""
        self._moving.append(size_bytes)
        self.moving_bytes += size_bytes

    def moved(self) -> None:
        """The oldest of the finished parts is stored."""
        self.moving_bytes -= self._moving.pop(0)
        self.admission.freed.set()

    async def room(self) -> None:
        """Wait while all hold too much and this one has parts to store, but for a first part that awaits more."""
        while len(self._moving) > self.first_awaits_more and self.admission.excess_bytes > 0:
            self.admission.freed.clear()
            await self.admission.freed.wait()

    @property
    def memory_bytes(self) -> int:
        return self.held_bytes + self.moving_bytes

    def check(self) -> None:
        """Errors: BrokenUpload, where the caller has gone away; TooManyRequests uploads_full, where it has to end."""
        if self.is_gone:
            raise BrokenUpload("The upload broke off. Send the file again.")
        if self.must_end:
            raise TooManyRequests(
                "The uploads under way hold more memory than they may, and this one the most of it. Send it again.",
                code="uploads_full",
                retry_after_seconds=UPLOAD_RETRY_SECONDS,
            )

    def wake(self) -> None:
        """End its wait for more of the body, so that it sees at once what it has to do."""
        if self.waking and not self.waking.done():
            self.waking.set_result(None)

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Wait for its turn to be cut, and hold it."""
        return self.admission.turns.held(self.client)

    def storing(self) -> AbstractAsyncContextManager[None]:
        """Wait for its turn to write a part, and hold it."""
        return self.admission.stores.held(self.client)


@dataclass(slots=True)
class Admission:
    """The places for uploads of one process."""

    limit: FairLimit  # how many uploads at once
    memory_bytes: int = MEMORY_BYTES  # what they may hold together
    turns: FairLimit = field(default_factory=lambda: FairLimit(WORKED_ON))
    stores: FairLimit = field(default_factory=lambda: FairLimit(STORED))
    unauthenticated: FairLimit = field(default_factory=lambda: FairLimit(UNAUTHENTICATED))
    freed: asyncio.Event = field(default_factory=asyncio.Event)  # set when some memory has become free
    ended: int = 0  # how many uploads have ended, accepted or not
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
        """A place for a form that may name its sender inside, if one is free. Errors: TooManyRequests uploads_full."""
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
        """How much more all uploads hold than they may; those that have to end do not count."""
        return sum(place.memory_bytes for place in self._places if not place.must_end) - self.memory_bytes

    def relieve(self) -> None:
        """Where all hold too much, have those store that free most by it; where that cannot help, end the largest."""
        if (excess_bytes := self.excess_bytes) <= 0:
            return
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
    """How much it can store at once: rows that do not fill a part yet, and a first part that waits for more."""
    unfinished_bytes = place.held_bytes - place.least_bytes
    return unfinished_bytes + (place.moving_bytes if place.first_awaits_more else 0)
