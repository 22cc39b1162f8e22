"""The count of waiting parts. Far from its limit, it is cached for a second; near the limit it is counted each time."""

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

    async def taken(self, client: str, *, limit: int, client_limit: int) -> tuple[int, int]:
        """(how many parts wait, how many of them are the client's: counted no further than its limit)."""
        if (total := self._far(self._total, limit)) is None or (
            own := self._far(self._own.get(client), client_limit)
        ) is None:
            async with self.db.read() as tx:
                total = await waiting_queue.waiting_total(tx)
                own = await waiting_queue.waiting_of_client(tx, client, most=client_limit)
            at = self.now.monotonic()
            self._total, self._own[client] = (at, total), (at, own)
        return total, own

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
