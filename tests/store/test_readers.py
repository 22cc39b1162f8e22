"""SQLite's write-ahead log stays small, though somebody always reads."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from app.store.database import Database
from app.store.readers import Readers

LIMIT = 4_000_000
ROW = 400_000


@pytest.fixture
async def on_sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    found = Database(sqlite_url, log_limit_bytes=LIMIT)
    yield found
    await found.close()


async def fill(db: Database, rows: int) -> int:
    """Write so many rows; the most that the log had."""
    most = 0
    assert db.file is not None
    async with db.write() as tx:
        await tx.execute(text("CREATE TABLE IF NOT EXISTS filler (content BLOB)"))
    for _ in range(rows):
        async with db.write() as tx:
            await tx.execute(text("INSERT INTO filler VALUES (:content)"), {"content": os.urandom(ROW)})
        most = max(most, db.file.log_bytes)
    return most


async def test_the_log_begins_anew_though_there_is_always_somebody_who_reads(on_sqlite: Database):
    """Each read ends, but hardly ever all of them at once: SQLite alone would let it grow for ever."""
    stop = False

    async def read_on() -> None:
        while not stop:
            async with on_sqlite.read() as tx:
                for _ in range(3):
                    await tx.execute(text("SELECT count(*) FROM instance"))

    readers = [asyncio.create_task(read_on()) for _ in range(4)]
    most = await fill(on_sqlite, 60)
    stop = True
    await asyncio.gather(*readers)
    assert most < 2 * LIMIT
    assert on_sqlite.file is not None
    assert on_sqlite.file.log_bytes <= LIMIT + 2 * ROW


async def test_a_read_that_takes_long_keeps_nobody_from_reading_or_writing(on_sqlite: Database):
    """The log grows meanwhile, and begins anew when it has ended."""
    assert on_sqlite.file is not None
    await fill(on_sqlite, 1)
    async with on_sqlite.read() as tx:
        await tx.execute(text("SELECT count(*) FROM instance"))
        most = await asyncio.create_task(fill(on_sqlite, 20))
        assert most > LIMIT
        async with on_sqlite.read() as other:
            assert (await other.execute(text("SELECT count(*) FROM filler"))).scalar_one() == 21
    await fill(on_sqlite, 5)
    assert on_sqlite.file.log_bytes <= LIMIT + 2 * ROW


async def test_readers_are_held_up_until_those_who_read_have_ended():
    """Those who read within a transaction of theirs come to their end; the others wait for their turn."""
    readers, story = Readers(), []

    async def late() -> None:
        async with readers.reading(nested=False):
            story.append("late")

    async with readers.reading(nested=False):
        async with readers.held_up(within_seconds=0.01) as alone:
            assert not alone
            waiting = asyncio.create_task(late())
            async with readers.reading(nested=True):
                story.append("nested")
            await asyncio.sleep(0)
            assert story == ["nested"]
        await waiting
    async with readers.held_up(within_seconds=1) as alone:
        assert alone
    assert story == ["nested", "late"]
