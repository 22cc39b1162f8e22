"""Rings between processes: what one rings, the other hears."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.store import notices
from app.store.database import Database
from app.store.notices import Notices
from app.wake import Wake

SOON_SECONDS = 20.0  # bounds a test that would hang


@asynccontextmanager
async def process(url: str) -> AsyncIterator[Wake]:
    """The bell of one process, while its notices run."""
    db, wake = Database(url), Wake()
    task = asyncio.create_task(Notices(db, wake).run())
    try:
        assert await wake.heard(within_seconds=SOON_SECONDS), "it listens"
        yield wake
    finally:
        task.cancel()
        await asyncio.wait({task})
        await db.close()


async def test_a_ring_is_heard_in_every_other_process(postgres_url: str):
    """And once only, however often it was rung."""
    async with process(postgres_url) as one, process(postgres_url) as two, process(postgres_url) as three:
        for _ in range(100):
            one.ring()
        assert await two.heard(within_seconds=SOON_SECONDS)
        assert await three.heard(within_seconds=SOON_SECONDS)
        assert await one.heard(within_seconds=SOON_SECONDS)
        two.ring()
        assert await one.heard(within_seconds=SOON_SECONDS)
        assert await three.heard(within_seconds=SOON_SECONDS)


async def test_a_line_that_was_cut_is_opened_again(postgres_url: str, monkeypatch: pytest.MonkeyPatch):
    """What was rung meanwhile may be lost: so whoever listens anew looks once."""
    monkeypatch.setattr(notices, "AGAIN_SECONDS", 0.05)
    async with process(postgres_url) as one, process(postgres_url) as two:
        db = Database(postgres_url)
        async with db.write() as tx:
            await tx.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query = 'LISTEN sluice' AND datname = current_database()"
            )
        await db.close()
        assert await one.heard(within_seconds=SOON_SECONDS)
        assert await two.heard(within_seconds=SOON_SECONDS)
        one.ring()
        assert await two.heard(within_seconds=SOON_SECONDS)


async def test_where_one_process_is_all_there_is_nothing_is_carried(sqlite_url: str):
    """It ends at once."""
    db = Database(sqlite_url)
    await asyncio.wait_for(Notices(db, Wake()).run(), SOON_SECONDS)
    await db.close()
