"""Rings and changes between processes: what one tells, the others hear."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.notify.pending import Notification, PendingNotifications
from app.notify.subscriptions import Subscriptions
from app.notify.wakeup import Wakeup
from app.store import pg_notify
from app.store.database import Database
from app.store.pg_notify import PgNotify
from tests.support.pooler import pooled

TICK_SECONDS = 1.0
SOON_SECONDS = 20.0  # bounds a test that would hang


class Process:
    """What one has to tell and to hear."""

    def __init__(self, pending: PendingNotifications) -> None:
        self.wakeup, self.subscriptions = Wakeup(pending), Subscriptions(pending)
        self.send, self.wait = self.wakeup.send, self.wakeup.wait


@asynccontextmanager
async def process(url: str) -> AsyncIterator[Process]:
    """One process, while its notices run."""
    pending = PendingNotifications()
    db, process = Database(url), Process(pending)
    task = asyncio.create_task(PgNotify(db, process.wakeup, process.subscriptions, pending, TICK_SECONDS).run())
    try:
        assert await process.wait(within_seconds=SOON_SECONDS), "it listens"
        yield process
    finally:
        task.cancel()
        await asyncio.wait({task})
        await db.close()


async def test_a_ring_is_heard_in_every_other_process(postgres_url: str):
    """And once only, however often it was rung."""
    async with process(postgres_url) as one, process(postgres_url) as two, process(postgres_url) as three:
        for _ in range(100):
            one.send()
        assert await two.wait(within_seconds=SOON_SECONDS)
        assert await three.wait(within_seconds=SOON_SECONDS)
        assert await one.wait(within_seconds=SOON_SECONDS)
        two.send()
        assert await one.wait(within_seconds=SOON_SECONDS)
        assert await three.wait(within_seconds=SOON_SECONDS)


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
        assert await one.wait(within_seconds=SOON_SECONDS)
        assert await two.wait(within_seconds=SOON_SECONDS)
        one.send()
        assert await two.wait(within_seconds=SOON_SECONDS)


async def test_where_one_process_is_all_there_is_nothing_is_carried(sqlite_url: str):
    """It ends at once."""
    db = Database(sqlite_url)
    pending = PendingNotifications()
    await asyncio.wait_for(
        PgNotify(db, Wakeup(pending), Subscriptions(pending), pending, TICK_SECONDS).run(), SOON_SECONDS
    )
    await db.close()


async def test_changes_are_heard_in_every_other_process_and_nowhere_else(postgres_url: str):
    """By whoever watches one of these imports; the ids of many transactions travel together."""
    async with process(postgres_url) as one, process(postgres_url) as two:
        with (
            two.subscriptions.subscribe(1) as first,
            two.subscriptions.subscribe(2) as second,
            two.subscriptions.subscribe(3) as third,
        ):
            one.subscriptions.publish({1})
            one.subscriptions.publish({2})
            assert await first.wait(within_seconds=SOON_SECONDS)
            assert await second.wait(within_seconds=SOON_SECONDS)
            assert not await third.wait(within_seconds=0)
        assert not await two.wait(within_seconds=0), "a change is no ring"


async def test_too_many_changes_for_one_notice_are_a_doubt(postgres_url: str):
    """PostgreSQL takes 8000 bytes: then whatever is watched is looked through."""
    async with process(postgres_url) as one, process(postgres_url) as two:
        await asyncio.wait_for(
            two.subscriptions.invalidated(within_seconds=SOON_SECONDS), 1
        )  # the one of the beginning
        one.subscriptions.publish(set(range(10**18, 10**18 + 450)))
        async with asyncio.timeout(SOON_SECONDS):
            await two.subscriptions.invalidated(within_seconds=2 * SOON_SECONDS)


async def test_through_a_pooler_nobody_listens_and_whoever_watches_looks_at_each_tick(postgres_url: str):
    """What is heard there is another's, or nobody's; what is told goes out all the same."""
    listening = "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN sluice' AND datname = current_database()"
    with pooled(postgres_url) as url:
        pending = PendingNotifications()
        db, one = Database(url), Process(pending)
        notify = PgNotify(db, one.wakeup, one.subscriptions, pending, tick_seconds=0.01)
        task = asyncio.create_task(notify.run())
        try:
            async with asyncio.timeout(SOON_SECONDS), process(postgres_url) as two:
                for _ in range(2):
                    await one.subscriptions.invalidated(within_seconds=2 * SOON_SECONDS)
                async with db.read() as tx:
                    assert (await tx.exec_driver_sql(listening)).scalar_one() == 1, "the other one"
                one.send()
                assert await two.wait(within_seconds=SOON_SECONDS)
        finally:
            task.cancel()
            await asyncio.wait({task})
            await db.close()


@pytest.mark.parametrize("count", [0, 1, 300, 400, 500])
def test_a_payload_says_what_it_can_within_its_limit(count: int):
    """And reads as it was written, or as a doubt."""
    news = Notification(has_work=bool(count), changed=frozenset(range(10**18, 10**18 + count)))
    told = pg_notify.payload("f" * 32, news)
    assert len(told.encode()) < 8000
    sender, read = pg_notify.read(told)
    assert sender == "f" * 32
    assert read.has_work == news.has_work
    assert read.changed in {news.changed, None}
    assert read.changed is not None or count > 390


@pytest.mark.parametrize("told", ["", "5f0c", "[]", '["a", true]', '["a", true, 5]', '{"a": 1}', '["a", true, ["x"]]'])
def test_what_another_version_tells_may_be_anything(told: str):
    """While a deploy is under way, processes of two versions speak to each other."""
    assert pg_notify.read(told) == ("", Notification(has_work=True, changed=None))
