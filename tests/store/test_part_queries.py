"""Which parts there are: of an import, in a state, at Marketo, behind another."""

from datetime import timedelta
from typing import Any

from app.domain.imports import Request
from app.domain.objects import Leads
from app.store import imports, part_queries, parts
from app.store.database import Database
from app.store.part_queries import BlockedBy
from app.store.parts import NewPart
from app.store.tables import part
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs

MINUTE = timedelta(minutes=1)


async def put(db: Database, part_id: int, **columns: Any) -> None:
    async with db.write() as tx:
        await tx.execute(part.update().where(part.c.id == part_id).values(**columns))


async def ids(db: Database, parts_count: int, **request: object) -> list[int]:
    """The ids of the parts of a new import."""
    return [one.id for one in await parts_of(db, await an_import(db, parts_count=parts_count, **request))]


async def test_an_import_has_its_parts_in_their_order(db: Database):
    """Those of an upload that is not accepted yet have no state, and are not parts to anybody."""
    import_id = await an_import(db, parts_count=3)
    async with db.write() as tx:
        begun = await imports.begin(tx, Request(target=Leads()), at=AT)
        await parts.add(tx, begun, Request(target=Leads()), NewPart(1, 1, 3, 8, b"blob"))
        assert [one.number for one in await part_queries.of_import(tx, import_id)] == [1, 2, 3]
        assert await part_queries.of_import(tx, begun) == []


async def test_whoever_waits_for_a_part_is_found_however_long_the_chain_is(db: Database):
    """The imports behind it, and for each waiting part the one that goes first."""
    (head,), (middle,), (tail,), (free,) = [await ids(db, 1, client=name) for name in ("a", "b", "c", "d")]
    await put(db, middle, waits_for=head, waits_since=AT)
    await put(db, tail, waits_for=middle, waits_since=AT)
    async with db.read() as tx:
        by_id = {part_id: await part_queries.get(tx, part_id) for part_id in (head, middle, tail, free)}
        behind = await part_queries.imports_behind(tx, "default", [head])
        blockers = await part_queries.blockers(tx, list(by_id.values()))
        assert await part_queries.imports_behind(tx, "default", [tail, free]) == frozenset()
    assert behind == {by_id[middle].import_id, by_id[tail].import_id}
    assert blockers == {
        head: BlockedBy(by_id[head].import_id, 1, "a"),
        middle: BlockedBy(by_id[middle].import_id, 1, "b"),
    }


async def test_parts_whose_tries_fail_are_found_by_how_long_they_do(db: Database):
    """And those of an import that wait, in their order."""
    first, second, third = await ids(db, 3)
    await put(db, first, failing_since=AT)
    await put(db, second, failing_since=AT + MINUTE, state="failed")
    async with db.read() as tx:
        assert await part_queries.failing_since(tx, "default", before=AT) == []
        assert await part_queries.failing_since(tx, "default", before=AT + MINUTE) == [first]
        import_id = (await part_queries.get(tx, first)).import_id
        assert await part_queries.waiting_of(tx, import_id) == [first, third]


async def test_the_first_part_that_waits_is_found_for_each_import(db: Database):
    """Not for one of which none does."""
    two, none, other = await an_import(db, parts_count=2), await an_import(db), await an_import(db)
    async with db.write() as tx:
        await in_jobs.put(tx, (await parts_of(db, two))[0].id, "queued", slot=1)
        await in_jobs.put(tx, (await parts_of(db, none))[0].id, "queued", slot=2)
    async with db.read() as tx:
        first = await part_queries.first_waiting(tx, [two, none, other])
        assert {import_id: part.number for import_id, part in first.items()} == {two: 2, other: 1}
        assert await part_queries.first_waiting(tx, []) == {}
