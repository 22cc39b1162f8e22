"""Rings and changes between processes: what one tells, the others hear."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.notify import pg_notify
from app.notify.pending import News, Outbox
from app.notify.pg_notify import Notices
from app.notify.subscriptions import Changes
from app.notify.wakeup import Wake
from app.store.database import Database

SOON_SECONDS = 20.0  # bounds a test that would hang


class Process:
    """What one has to tell and to hear."""

    def __init__(self, outbox: Outbox) -> None:
        self.wake, self.changes = Wake(outbox), Changes(outbox)
        self.ring, self.heard = self.wake.ring, self.wake.heard


@asynccontextmanager
async def process(url: str) -> AsyncIterator[Process]:
    """One process, while its notices run."""
    outbox = Outbox()
    db, process = Database(url), Process(outbox)
    task = asyncio.create_task(Notices(db, process.wake, process.changes, outbox).run())
    try:
        assert await process.heard(within_seconds=SOON_SECONDS), "it listens"
        yield process
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
    monkeypatch.setattr(pg_notify, "NEWS_RETRY_SECONDS", 0.05)
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
    outbox = Outbox()
    await asyncio.wait_for(Notices(db, Wake(outbox), Changes(outbox), outbox).run(), SOON_SECONDS)
    await db.close()


async def test_changes_are_heard_in_every_other_process_and_nowhere_else(postgres_url: str):
    """By whoever watches one of these imports; the ids of many transactions travel together."""
    async with process(postgres_url) as one, process(postgres_url) as two:
        with two.changes.watching(1) as first, two.changes.watching(2) as second, two.changes.watching(3) as third:
            one.changes.made({1})
            one.changes.made({2})
            assert await first.heard(within_seconds=SOON_SECONDS)
            assert await second.heard(within_seconds=SOON_SECONDS)
            assert not await third.heard(within_seconds=0)
        assert not await two.heard(within_seconds=0), "a change is no ring"


async def test_too_many_changes_for_one_notice_are_a_doubt(postgres_url: str):
    """PostgreSQL takes 8000 bytes: then whatever is watched is looked through."""
    async with process(postgres_url) as one, process(postgres_url) as two:
        await asyncio.wait_for(two.changes.doubted(within_seconds=SOON_SECONDS), 1)  # the one of the beginning
        one.changes.made(set(range(10**18, 10**18 + 450)))
        async with asyncio.timeout(SOON_SECONDS):
            await two.changes.doubted(within_seconds=2 * SOON_SECONDS)


@pytest.mark.parametrize("count", [0, 1, 300, 400, 500])
def test_a_payload_says_what_it_can_within_its_limit(count: int):
    """And reads as it was written, or as a doubt."""
    news = News(rung=bool(count), changed=frozenset(range(10**18, 10**18 + count)))
    told = pg_notify.payload("f" * 32, news)
    assert len(told.encode()) < 8000
    sender, read = pg_notify.read(told)
    assert sender == "f" * 32
    assert read.rung == news.rung
    assert read.changed in {news.changed, None}
    assert read.changed is not None or count > 390


@pytest.mark.parametrize("told", ["", "5f0c", "[]", '["a", true]', '["a", true, 5]', '{"a": 1}', '["a", true, ["x"]]'])
def test_what_another_version_tells_may_be_anything(told: str):
    """While a deploy is under way, processes of two versions speak to each other."""
    assert pg_notify.read(told) == ("", News(rung=True, changed=None))
