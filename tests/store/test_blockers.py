"""Blockers: which parts may go before another one, in the order of acceptance."""

from datetime import timedelta
from typing import Any

from app.domain.parts import Part
from app.store import blobs, blockers
from app.store.database import Database
from app.store.tables import part, part_keys
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs

START = (0, 0)


async def put(db: Database, one: Part, **columns: Any) -> None:
    async with db.write() as tx:
        await tx.execute(part.update().where(part.c.id == one.id).values(**columns))


async def before(db: Database, one: Part, *, after: tuple[int, int] = START, limit: int = 9) -> list[int]:
    async with db.read() as tx:
        return [blocker.id for blocker in await blockers.before(tx, one, after=after, limit=limit)]


async def test_what_was_accepted_before_comes_in_that_order_a_page_at_a_time(db: Database):
    """Nothing that was accepted later, nothing that no longer waits, and nothing of another instance."""
    (first,), (second,), (third,) = [await parts_of(db, await an_import(db)) for _ in range(3)]
    await an_import(db, instance="other")
    (last,) = await parts_of(db, await an_import(db))
    await an_import(db)
    await put(db, second, state="failed")
    assert await before(db, last) == [first.id, third.id]
    assert await before(db, last, limit=1) == [first.id]
    assert first.accepted_seq
    assert await before(db, last, after=(first.accepted_seq, first.number)) == [third.id]
    assert await before(db, first) == []


async def test_parts_of_one_import_meet_each_other_only_where_they_may_share_a_key(db: Database):
    """The cutting leaves every key in one part; but for deferred duplicates, unknown keys, and a list of Marketo's."""
    first, second, deferred = await parts_of(db, await an_import(db, parts_count=3))
    assert await before(db, second) == []
    await put(db, deferred, aside=True)
    deferred = (await parts_of(db, first.import_id))[2]
    assert await before(db, deferred) == [first.id, second.id]
    await put(db, first, aside=True)
    assert await before(db, second) == [first.id]
    for columns in ({"list_id": 3}, {"key_fields": "", "list_id": None}):
        await put(db, first, aside=False)
        await put(db, second, **columns)
        second = (await parts_of(db, first.import_id))[1]
        assert await before(db, second) == [first.id]


async def test_at_marketo_is_whatever_holds_a_slot_but_the_part_itself(db: Database):
    """Accepted earlier or later: it is there already."""
    (first,), (second,), (third,) = [await parts_of(db, await an_import(db)) for _ in range(3)]
    async with db.write() as tx:
        await in_jobs.put(tx, first.id, "queued", slot=1)
        await in_jobs.put(tx, third.id, "unconfirmed", slot=2)
    async with db.read() as tx:
        there = await blockers.at_marketo(tx, second)
        assert [blocker.id for blocker in there] == [first.id, third.id]
        assert [blocker.id for blocker in await blockers.at_marketo(tx, third)] == [first.id]


async def test_a_part_that_is_not_to_go_yet_says_until_when(db: Database):
    """To wait for another try gives no claim up."""
    (named,), (retried,), (plain,), (last,) = [await parts_of(db, await an_import(db)) for _ in range(4)]
    later = AT + timedelta(hours=1)
    await put(db, named, due_at=later)
    await put(db, retried, due_at=later, retry_code="502")
    async with db.read() as tx:
        found = await blockers.before(tx, last, after=START, limit=9)
    assert [(blocker.id, blocker.not_before) for blocker in found] == [
        (named.id, later),
        (retried.id, None),
        (plain.id, None),
    ]


async def test_NOT_A_GUESS_damaged_keys_are_not_known(db: Database):
    """Those without a checksum, of an earlier version, are taken as they are."""
    whole, damaged, old, none = await parts_of(db, await an_import(db, parts_count=4))
    digests = bytes(range(16))
    checksum = await blobs.checksum(digests)
    async with db.write() as tx:
        for one, stored, summed in (
            (whole, digests, checksum),
            (damaged, bytes(16), checksum),
            (old, digests, None),
        ):
            values = {"part_id": one.id, "digests": stored, "checksum": summed}
            await tx.execute(part_keys.insert().values(values))
        known = await blockers.keys(tx, [whole.id, damaged.id, old.id, none.id])
    assert known == {whole.id: digests, old.id: digests}
