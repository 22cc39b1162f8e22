"""What each client has waiting, and its last imports: for whoever decides about its keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.store import queue_pages
from app.store.database import Database
from app.store.queue_pages import MOST_COUNTED, LastImport

LAST = 3  # imports of each that are named


@dataclass(frozen=True, slots=True)
class ClientWork:
    waiting_parts: int
    last_imports: Sequence[LastImport]  # the newest first

    @property
    def is_more(self) -> bool:
        """Whether more wait than were counted."""
        return self.waiting_parts >= MOST_COUNTED


@dataclass(frozen=True, slots=True)
class ClientReader:
    db: Database

    async def read(self, clients: Sequence[str]) -> Mapping[str, ClientWork]:
        """By client. It takes two statements, however many there are; some hundred at most."""
        async with self.db.read() as tx:
            waiting = await queue_pages.waiting_by_client(tx, clients)
            last = await queue_pages.last_imports(tx, clients, most=LAST)
        return {client: ClientWork(waiting.get(client, 0), last.get(client, ())) for client in clients}
