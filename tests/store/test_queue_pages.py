"""Pages of a queue, and what clients have waiting."""

from sqlalchemy import update

from app.store import queue_pages
from app.store.database import Database
from app.store.tables import part
from tests.store.seed import an_import


async def test_what_waits_comes_in_the_order_of_acceptance_behind_a_place(db: Database):
    """Each part once, whatever the page's size; none that is under review, whose place is not known yet."""
    imports = [await an_import(db, parts_count=3) for _ in range(3)]
    reviewed = await an_import(db)
    async with db.write() as tx:
        await tx.execute(update(part).where(part.c.import_id == reviewed).values(turn=None))
    found: list[tuple[int, int]] = []
    after: tuple[int, int] | None = None
    async with db.read() as tx:
        while page := await queue_pages.waiting(tx, "default", after=after, size=2):
            found += [(each.part.import_id, each.part.number) for each in page]
            last = page[-1].part
            assert last.accepted_seq is not None
            after = (last.accepted_seq, last.number)
        assert await queue_pages.waiting(tx, "nobody", after=None, size=2) == []
    assert found == [(import_id, number) for import_id in imports for number in (1, 2, 3)]


async def test_of_each_client_the_waiting_parts_are_counted_and_the_last_imports_named(db: Database):
    crm = [await an_import(db, client="crm") for _ in range(4)]
    await an_import(db, client="erp", parts_count=2)
    async with db.read() as tx:
        assert await queue_pages.waiting_by_client(tx, ["crm", "erp", "idle"]) == {"crm": 4, "erp": 2, "idle": 0}
        last = await queue_pages.last_imports(tx, ["crm", "idle"], most=3)
        assert await queue_pages.waiting_by_client(tx, []) == await queue_pages.last_imports(tx, [], most=3) == {}
    assert {client: [each.id for each in found] for client, found in last.items()} == {"crm": crm[:0:-1]}
