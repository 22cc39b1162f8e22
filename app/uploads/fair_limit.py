"""A limit on how much goes on at once, in all and for each client; those that wait take turns by client."""

import asyncio
import math
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairLimit:
    """At most `most` at once, and `client_most` of one client.

    Those who wait take turns by client, however many each of them has waiting; of one client they go in their order.
    """

    def __init__(self, most: float = math.inf, client_most: float = math.inf) -> None:
        self.most = most
        self.client_most = client_most
        self._taken: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()  # whose turn is next comes first

    @property
    def taken(self) -> int:
        return self._taken.total()

    def taken_by(self, client: str) -> int:
        return self._taken[client]

    def waiting_of(self, client: str) -> int:
        return len(self._waiting.get(client, ()))

    def may_take(self, client: str) -> bool:
        """Whether there is one for this client at once."""
        return self.taken < self.most and self._taken[client] < self.client_most

    @asynccontextmanager
    async def held(self, client: str) -> AsyncIterator[None]:
        """One of them, as soon as it is this client's turn."""
        await self.take(client)
        try:
            yield
        finally:
            self.give_back(client)

    async def take(self, client: str) -> None:
        if self.may_take(client):
            self._taken[client] += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(client)  # it was this one's turn, and nobody is there any more
            else:
                self._forget(client, turn)
            raise

    def give_back(self, client: str) -> None:
        self._taken[client] -= 1
        if not self._taken[client]:
            del self._taken[client]
        while (following := next((client for client in self._waiting if self.may_take(client)), None)) is not None:
            turn = self._waiting[following].popleft()
            self._waiting.move_to_end(following)
            self._drop_if_empty(following)
            if not turn.done():  # else whoever waited has been cancelled in this moment
                self._taken[following] += 1
                turn.set_result(None)

    def _forget(self, client: str, turn: asyncio.Future[None]) -> None:
        if client in self._waiting and turn in self._waiting[client]:
            self._waiting[client].remove(turn)
            self._drop_if_empty(client)

    def _drop_if_empty(self, client: str) -> None:
        if not self._waiting[client]:
            del self._waiting[client]
