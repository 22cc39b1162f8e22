"""The history: its ids follow the commits, so that whoever reads on misses nothing."""

import asyncio
from itertools import product

import pytest

from app.domain.imports import Request, SourceFile
from app.domain.lifecycle import Move
from app.domain.objects import Leads
from app.pipeline.finish import finish
from app.store import events, imports
from app.store.database import Database
from app.store.events import Latest
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs
from tests.support.tiers import chosen

SOON_SECONDS = 20.0  # bounds a test that would hang


async def ids(db: Database, import_id: int, *, after: int = 0) -> list[int]:
    async with db.read() as tx:
        return [event.id for event in await events.page(tx, import_id, after=after, size=200)]


async def test_no_history_is_written_with_the_lock_of_another_transaction(db: Database):
    """That lock is gone; who keeps it fails at once, on either database."""
    import_id = await an_import(db)
    async with db.write() as tx:
        lock = await imports.lock(tx, import_id)
    with pytest.raises(AssertionError, match="another transaction's"):
        async with db.write() as tx:
            await events.append_of(tx, lock, "retried", at=AT)
    assert len(await ids(db, import_id)) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    chosen(product(["desk", "worker", "retry"], repeat=2), ("desk", "worker"), ("worker", "retry"), ("retry", "desk")),
)
async def test_two_who_write_about_one_import_take_turns(db: Database, first: str, second: str):
    """The second one's event gets its id after the first one's commit: nobody who has read one finds a lower one later.

    PostgreSQL gives ids from a sequence, which knows nothing of commits.
    """
    import_id = await an_import(db, parts_count=2)
    one, two = await parts_of(db, import_id)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def write(who: str, part_id: int, *, slot: int, wait: bool) -> None:
        async with db.write() as tx:
            if who == "retry":  # its foreign key has a light hold on the import before it asks for more
                new = await imports.begin(tx, Request(target=Leads()), at=AT, origin=imports.Origin(retry_of=import_id))
                await imports.accept(tx, new, file=SourceFile(None, 8, "00", 1), columns=["email"], at=AT)
                lock = await imports.lock_beside(tx, import_id)
                await events.append_of(tx, lock, "retried", at=AT)
            elif who == "desk":
                lock = await imports.lock(tx, import_id)
                await events.append_of(tx, lock, "cancel_requested", at=AT)
            else:
                await in_jobs.move(tx, part_id, Move.CLAIM, at=AT, values={"slot": slot})
            if wait:
                begun.set()
                await go_on.wait()

    earlier = asyncio.create_task(write(first, one.id, slot=1, wait=True))
    await asyncio.wait_for(begun.wait(), SOON_SECONDS)
    later = asyncio.create_task(write(second, two.id, slot=2, wait=False))
    await asyncio.wait({later}, timeout=0.2)
    assert not later.done(), "it takes its turn"
    assert len(await ids(db, import_id)) == 1
    go_on.set()
    async with asyncio.timeout(SOON_SECONDS):
        await earlier
        await later
    async with db.read() as tx:
        told = await events.page(tx, import_id, after=0, size=10)
    names = {"desk": "cancel_requested", "worker": "claim", "retry": "retried"}
    assert [event.type for event in told] == ["accepted", names[first], names[second]]


@pytest.mark.parametrize("other", ["worker", "retry"])
async def test_a_retry_and_who_comes_in_between_never_wait_for_each_other(postgres_url: str, other: str):
    """The foreign key of a retry holds the old import lightly before it asks for more: no deadlock comes of it."""
    db = Database(postgres_url)
    import_id = await an_import(db)
    (only,) = await parts_of(db, import_id)
    begun = asyncio.Event()

    async def retry(*, at_once: bool) -> None:
        async with db.write() as tx:
            await imports.begin(tx, Request(target=Leads()), at=AT, origin=imports.Origin(retry_of=import_id))
            begun.set()
            if not at_once:
                await asyncio.wait({later}, timeout=0.2)
            lock = await imports.lock_beside(tx, import_id)
            await events.append_of(tx, lock, "retried", at=AT)

    async def come_in_between() -> None:
        await begun.wait()
        if other == "retry":
            await retry(at_once=True)
            return
        async with db.write() as tx:
            await in_jobs.move(tx, only.id, Move.CLAIM, at=AT, values={"slot": 1})

    later = asyncio.create_task(come_in_between())
    async with asyncio.timeout(SOON_SECONDS):
        await retry(at_once=False)
        await later
    assert len(await ids(db, import_id)) == 3
    await db.close()


async def test_whoever_reads_on_gets_every_event_of_an_import_that_many_write_about(db: Database):
    """Eight at a time, and a reader who asks for what comes after the last one that it has."""
    import_id = await an_import(db, parts_count=10)
    seen: list[int] = []
    written = asyncio.Event()

    async def note(n: int) -> None:
        for _ in range(10):
            async with db.write() as tx:
                lock = await imports.lock_beside(tx, import_id)
                await events.append_of(tx, lock, "note", at=AT, n=n)

    async def read() -> None:
        while True:
            last_look = written.is_set()
            seen.extend(await ids(db, import_id, after=seen[-1] if seen else 0))
            if last_look:
                return

    reader = asyncio.create_task(read())
    await asyncio.gather(*map(note, range(8)))
    written.set()
    await asyncio.wait_for(reader, SOON_SECONDS)
    assert seen == await ids(db, import_id)
    assert len(seen) == 81


async def test_who_watches_is_told_behind_the_commit(database_url: str):
    """Of each import that the transaction was about, once; and not of one that others are about."""
    told: list[set[int]] = []
    quiet = Database(database_url)
    import_id, other = await an_import(quiet), await an_import(quiet)
    db = Database(database_url, notify=lambda changed: told.append(set(changed)), finish=finish)
    async with db.write() as tx:
        for part in await parts_of(quiet, import_id):
            await in_jobs.move(tx, part.id, Move.CANCEL, at=AT)
        assert told == []
    assert told == [{import_id}]
    with pytest.raises(RuntimeError):
        async with db.write() as tx:
            await imports.lock_beside(tx, other)
            raise RuntimeError
    assert told == [{import_id}, {other}], "a commit may be done although its word got lost"
    async with db.write() as tx:
        await imports.touch(tx, other, at=AT)
    assert len(told) == 2
    await db.close()
    await quiet.close()


async def test_how_far_a_history_has_come(db: Database):
    """The last event of each, and whether it is finished; an import that is gone has none."""
    waiting, ended = await an_import(db), await an_import(db)
    async with db.write() as tx:
        for part in await parts_of(db, ended):
            await in_jobs.move(tx, part.id, Move.CANCEL, at=AT)
    async with db.read() as tx:
        found = await events.latest(tx, [waiting, ended, 999])
    assert found == {
        waiting: Latest((await ids(db, waiting))[-1], finished=False),
        ended: Latest((await ids(db, ended))[-1], finished=True),
    }


async def test_the_last_events_of_some_kinds_are_read_oldest_first(db: Database):
    import_id = await an_import(db)
    async with db.write() as tx:
        lock = await imports.lock(tx, import_id)
        assert lock
        for number in range(3):
            await events.append_of(tx, lock, Move.CLAIM, at=AT)
            await events.append_of(tx, lock, Move.TURN_AWAY, at=AT, code=str(number))
    async with db.read() as tx:
        found = await events.notable(tx, import_id, [Move.TURN_AWAY], most=2)
    assert [event.data["code"] for event in found] == ["1", "2"]
