"""A transaction that may write, as a value: it says which imports it holds, and carries what belongs to its commit."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.webhooks import News
from app.encryption.vault import Vault


@dataclass(frozen=True, slots=True, eq=False)
class ImportLock:
    """The right to write about one import until the transaction ends: its row is locked.

    What writes an import's events takes it as an argument. So the ids of an import's events follow the commits.
    """

    import_id: int
    instance: str
    client: str
    request_id: str | None  # of the request that made the import


class ReadTransaction(AsyncConnection):
    """`Database.read()` makes it. What opens sealed content takes one; all else that only reads, an AsyncConnection."""

    __slots__ = ("vault",)

    def __init__(self, engine: AsyncEngine, vault: Vault) -> None:
        super().__init__(engine)
        self.vault = vault  # what opens what is sealed here, and seals what is new


class Transaction(ReadTransaction):
    """`Database.write()` makes it. It reads, too: whatever takes a ReadTransaction takes this one."""

    __slots__ = ("after_commit", "counted", "ended", "locks", "news")

    def __init__(self, engine: AsyncEngine, vault: Vault) -> None:
        super().__init__(engine, vault)
        self.locks: dict[int, ImportLock] = {}  # by import
        self.ended: dict[ImportLock, datetime] = {}  # imports whose last part has ended here, and when
        self.counted: dict[tuple[str, str, str], float] = defaultdict(float)  # by instance, counter and label
        self.news: dict[News, datetime] = {}  # what endpoints are told with this commit, and when it happened
        self.after_commit: list[Callable[[], None]] = []  # called once what was written is on disk, and only then

    def lock(self, import_id: int, instance: str, client: str, request_id: str | None) -> ImportLock:
        """Hand out the lock of an import whose row this transaction has just locked."""
        return self.locks.setdefault(import_id, ImportLock(import_id, instance, client, request_id))

    def holds(self, lock: ImportLock) -> bool:
        """False for a lock that another transaction handed out."""
        return self.locks.get(lock.import_id) is lock
