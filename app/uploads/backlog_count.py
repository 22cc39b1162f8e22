"""The count of waiting parts. Far from its limit, it is cached for a second; near the limit it is counted each time."""

import asyncio
from dataclasses import dataclass, field

from app.clock import Clock
from app.domain.timeouts import BACKLOG_KEPT_SECONDS
from app.store import waiting_queue
from app.store.database import Database

FAR = 0.5  # of the limit: all processes together do not accept the other half of it within a second


@dataclass(slots=True)
class BacklogCount:
    db: Database
    now: Clock
    _total: tuple[float, int] | None = None
    _own: dict[str, tuple[float, int]] = field(default_factory=dict)
    _counting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def taken(self, client: str, *, limit: int, client_limit: int) -> tuple[int, int]:
        """(how many parts wait, how many of them are the client's: counted no further than its limit)."""
        known = self._known(client, limit, client_limit)
        if known is None:
            async with self._counting:  # whoever asks meanwhile is told the same
                known = self._known(client, limit, client_limit) or await self._count(client, client_limit)
        return known

    async def _count(self, client: str, client_limit: int) -> tuple[int, int]:
        async with self.db.read() as tx:
            total = await waiting_queue.waiting_total(tx)
            own = await waiting_queue.waiting_of_client(tx, client, most=client_limit)
        at = self.now.monotonic()
        self._total, self._own[client] = (at, total), (at, own)
        return total, own

    def _known(self, client: str, limit: int, client_limit: int) -> tuple[int, int] | None:
        total, own = self._far(self._total, limit), self._far(self._own.get(client), client_limit)
        return None if total is None or own is None else (total, own)

    def add(self, client: str) -> None:
        """One more part waits."""
        if self._total and client in self._own:
            (at, total), (own_at, own) = self._total, self._own[client]
            self._total, self._own[client] = (at, total + 1), (own_at, own + 1)

    def forget(self) -> None:
        """Drop the cached count: many more parts may wait now."""
        self._total = None

    def _far(self, cached: tuple[float, int] | None, limit: int) -> int | None:
        if cached is None or cached[1] >= FAR * limit:
            return None
        return cached[1] if self.now.monotonic() - cached[0] < BACKLOG_KEPT_SECONDS else None
