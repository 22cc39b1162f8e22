"""How much room the database has, and how much of it is used."""

import shutil

import pytest

from app.store import disk_usage
from app.store.database import Database
from app.store.disk_usage import Connections
from tests.store.seed import an_import


@pytest.mark.parametrize(("used", "most", "share"), [(0, 100, 0.0), (25, 100, 0.25), (3, 0, 1.0)])
def test_a_share_of_connections_is_full_where_there_may_be_none(used: int, most: int, share: float):
    """A database may be closed to new connections altogether."""
    assert Connections(used, most).share == share


async def test_each_database_is_measured_by_what_can_run_out(db: Database):
    """SQLite's disk is ours to watch; PostgreSQL's is the server's business, and its connections are counted."""
    await an_import(db)
    async with db.read() as tx:
        usage = await disk_usage.measure(tx, db)
    assert usage.size_bytes > 10_000
    assert usage.temporary_free_bytes > 0
    assert (usage.free_bytes is None) is not db.on_sqlite
    assert (usage.connections is None) is db.on_sqlite
    if usage.connections:
        assert 1 <= usage.connections.used < usage.connections.most


async def test_the_nearer_limit_of_connections_counts(postgres_url: str):
    """A database may have one of its own below the server's."""
    database = Database(postgres_url)
    async with database.write() as tx:
        name = (await tx.exec_driver_sql("SELECT current_database()")).scalar_one()
        await tx.exec_driver_sql(f'ALTER DATABASE "{name}" CONNECTION LIMIT 7')
        usage = await disk_usage.measure(tx, database)
        await tx.exec_driver_sql(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1')
    await database.close()
    assert usage.connections is not None
    assert usage.connections.most == 7


async def test_what_the_log_has_yet_to_put_into_the_file_is_not_free(sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    """The room is spoken for; and there is never less than none."""
    database = Database(sqlite_url)
    assert database.file
    log_file = database.file.path.with_name(database.file.path.name + "-wal")
    log_file.write_bytes(bytes(1_000))
    for free, left in ((5_000, 4_000), (500, 0)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: shutil._ntuple_diskusage(9_000, 0, free))
        assert disk_usage.free_bytes(database) == left
    log_file.unlink()
    await database.close()
