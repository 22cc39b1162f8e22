"""Whether another file can be taken in: by the number of waiting parts, and by the free space on the disk."""

from dataclasses import dataclass

from app.domain.errors import Backlog, DiskFull
from app.domain.timeouts import BACKLOG_RETRY_SECONDS
from app.store import disk_usage
from app.store.database import Database
from app.uploads.backlog_count import BacklogCount
from app.uploads.idempotency import Idempotency


@dataclass(frozen=True, slots=True)
class Capacity:
    db: Database
    backlog: BacklogCount
    idempotency: Idempotency
    backlog_parts: int
    client_backlog_parts: int  # of one; no less than all of them, where nobody can tell clients apart
    disk_floor_bytes: int

    async def check(self, client: str, *, asking: str | None = None, idempotency_key: str | None = None) -> None:
        """Whether another file of the client's can be taken; it holds nothing. Errors: Backlog, DiskFull.

        A request whose Idempotency-Key stands for an import needs no room: it is answered again.
        `asking`: whose key it is, where another client asks.
        """
        if idempotency_key and await self.idempotency.stands(asking or client, idempotency_key):
            return
        waiting, own = await self.backlog.taken(
            client, limit=self.backlog_parts, client_limit=self.client_backlog_parts
        )
        if waiting >= self.backlog_parts:
            raise Backlog(
                f"The limit of waiting parts is reached: {waiting} of {self.backlog_parts}. "
                "Try again when some have gone.",
                retry_after_seconds=BACKLOG_RETRY_SECONDS,
            )
        if own >= self.client_backlog_parts:
            raise Backlog(
                f"The limit of one client's waiting parts is reached: {own} of {self.client_backlog_parts}. "
                "Try again when some of yours have gone.",
                code="client_backlog_full",
                retry_after_seconds=BACKLOG_RETRY_SECONDS,
            )
        self.check_disk()

    def check_disk(self) -> None:
        """Errors: DiskFull."""
        free = disk_usage.free_bytes(self.db)
        if free is not None and free < self.disk_floor_bytes:
            raise DiskFull("The disk that keeps the files is almost full. Make room there, then send the file again.")
