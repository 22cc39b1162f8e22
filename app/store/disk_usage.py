"""How much disk space and how many connections the database may use, and how much of that it uses."""

import shutil
import tempfile
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.database import Database

POSTGRES = text("""
    SELECT pg_database_size(current_database()) AS size_bytes,
           count(*) AS of_server,
           count(*) FILTER (WHERE datname = current_database()) AS of_database,
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
               AS server_limit,
           (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database_limit
    FROM pg_stat_activity
    WHERE datname IS NOT NULL
""")


@dataclass(frozen=True, slots=True)
class Connections:
    used: int
    most: int

    @property
    def share(self) -> float:
        return self.used / self.most if self.most else 1.0


@dataclass(frozen=True, slots=True)
class DiskUsage:
    size_bytes: int
    temporary_free_bytes: int  # of the disk that forms wait on
    free_bytes: int | None = None  # of its disk; None where that is the server's business
    connections: Connections | None = None  # to the server or to this database, whichever is nearer its limit


async def measure(tx: AsyncConnection, db: Database) -> DiskUsage:
    if (path := db.path) is not None:
        files = [path, path.with_name(path.name + "-wal")]
        size = sum(file.stat().st_size for file in files if file.exists())
        return DiskUsage(size, _temporary_free_bytes(), free_bytes(db))
    row = (await tx.execute(POSTGRES)).one()
    limits = [Connections(row.of_server, row.server_limit)]
    if row.database_limit >= 0:  # -1: none of its own
        limits.append(Connections(row.of_database, row.database_limit))
    return DiskUsage(row.size_bytes, _temporary_free_bytes(), connections=max(limits, key=lambda limit: limit.share))


def free_bytes(db: Database) -> int | None:
    """Of the disk with the database's file, less what its log has yet to put there; None where a server keeps it."""
    if db.file is None:
        return None
    return max(0, shutil.disk_usage(db.file.folder).free - db.file.log_bytes)


def _temporary_free_bytes() -> int:
    return shutil.disk_usage(tempfile.gettempdir()).free
