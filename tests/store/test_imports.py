"""Imports as they are written: received, accepted, locked, and the sums over their parts."""

from datetime import timedelta

from sqlalchemy import select

from app.domain.imports import LeftOut, Request, SourceFile
from app.domain.lifecycle import Move
from app.domain.objects import Leads
from app.store import imports, instances, part_queries, parts
from app.store.database import Database
from app.store.imports import Origin
from app.store.tables import import_, part
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs

FILE = SourceFile("leads.csv", 8, "ab" * 32, 3, ragged_rows=1)
LATER = AT + timedelta(minutes=5)


async def column(db: Database, import_id: int, name: str) -> object:
    async with db.read() as tx:
        return (await tx.execute(select(import_.c[name]).where(import_.c.id == import_id))).scalar_one()


async def begun(db: Database, origin: Origin | None = None) -> int:
    """An upload of which no part is there yet."""
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])
        return await imports.begin(tx, Request(target=Leads()), at=AT, origin=origin)


async def test_SAFE_ACK_an_upload_is_an_import_once_it_was_accepted(db: Database):
    """Its parts have no state before, and its time is that of the acceptance."""
    import_id = await begun(db, Origin(request_id="r1"))
    async with db.write() as tx:
        accepted = await imports.accept(
            tx, import_id, file=FILE, columns=["email"], at=LATER, left_out=LeftOut(superseded=2)
        )
        assert accepted is not None
        assert (accepted.lock.import_id, accepted.lock.instance) == (import_id, "default")
        assert (accepted.lock.client, accepted.lock.request_id) == ("local", "r1")
    stored = [await column(db, import_id, name) for name in ("status", "file_sha256", "ragged_rows", "created_at")]
    assert stored == ["queued", "ab" * 32, 1, LATER]
    assert await column(db, import_id, "left_out") == {
        "not_placed": 0,
        "superseded": 2,
        "not_known_yet": 0,
        "without_values": 0,
    }


async def test_an_upload_is_accepted_once(db: Database):
    """And there is nothing to accept where there was no upload."""
    import_id = await begun(db)
    async with db.write() as tx:
        assert await imports.accept(tx, import_id, file=FILE, columns=["email"], at=AT)
        assert await imports.accept(tx, import_id, file=FILE, columns=["email"], at=AT) is None
        assert await imports.accept(tx, import_id + 1, file=FILE, columns=["email"], at=AT) is None
    assert await column(db, import_id, "left_out") is None, "nothing was left out"


async def test_the_order_of_acceptance_is_not_that_of_the_beginning(db: Database):
    """A large upload that began first may be accepted last."""
    first, second = await begun(db), await begun(db)
    places = []
    for import_id in (second, first):
        async with db.write() as tx:
            accepted = await imports.accept(tx, import_id, file=FILE, columns=["email"], at=AT)
            places.append(accepted.accepted_seq if accepted else 0)
    assert places == sorted(places)
    assert len(set(places)) == 2


async def test_a_lock_says_what_was_locked(db: Database):
    """The same value for whoever locks it again in the transaction; None where there is nothing to lock."""
    import_id = await an_import(db, client="crm")
    (only,) = await parts_of(db, import_id)
    async with db.write() as tx:
        lock = await imports.lock(tx, import_id)
        assert lock is not None
        assert (lock.import_id, lock.client) == (import_id, "crm")
        assert await imports.lock_of_part(tx, only.id) is lock
        assert await imports.lock_beside(tx, import_id) is lock
        assert await imports.lock(tx, import_id + 1) is None


async def test_a_cancel_is_asked_for_once(db: Database):
    """The first time stands."""
    import_id = await an_import(db)
    async with db.write() as tx:
        assert await imports.cancelled_among(tx, [import_id]) == set()
        await imports.request_cancel(tx, import_id, at=AT)
        await imports.request_cancel(tx, import_id, at=LATER)
        assert await imports.cancelled_among(tx, [import_id]) == {import_id}
    assert await column(db, import_id, "cancel_requested_at") == AT


async def test_the_sums_are_those_of_the_parts(db: Database):
    """Whatever was written there; progress alone neither begins nor ends an import."""
    import_id = await an_import(db, parts_count=2)
    first, second = await parts_of(db, import_id)
    async with db.write() as tx:
        await tx.execute(part.update().where(part.c.id == first.id).values(state="importing", imported=2))
        await tx.execute(part.update().where(part.c.id == second.id).values(imported=1, failed=1, warned=2))
        lock = await imports.lock(tx, import_id)
        assert lock is not None
        await imports.refresh(tx, [lock], at=None)
    names = ("status", "imported", "failed", "warned", "started_at")
    assert [await column(db, import_id, name) for name in names] == ["importing", 3, 1, 2, None]
    async with db.write() as tx:
        lock = await imports.lock(tx, import_id)
        assert lock is not None
        await imports.refresh(tx, [lock], at=LATER)
    assert await column(db, import_id, "started_at") == LATER


async def test_an_import_of_which_nothing_was_sent_has_never_started(db: Database):
    """A person cancelled it while all of it waited."""
    import_id = await an_import(db, parts_count=2)
    async with db.write() as tx:
        await parts.move_all(tx, await part_queries.waiting_of(tx, import_id), Move.CANCEL, at=AT)
    names = ("status", "started_at", "finished_at", "error_code")
    assert [await column(db, import_id, name) for name in names] == ["cancelled", None, AT, None]


async def test_the_error_of_a_failed_import_is_that_of_its_first_part_that_has_one(db: Database):
    """The first in the file, whichever failed first."""
    import_id = await an_import(db, parts_count=3)
    first, second, third = await parts_of(db, import_id)
    error = {"error_code": "marketo_refused"}
    async with db.write() as tx:
        await in_jobs.move(tx, third.id, Move.ABANDON, at=AT, values=error | {"error_message": "of the third"})
        await in_jobs.move(tx, second.id, Move.ABANDON, at=AT, values=error | {"error_message": "of the second"})
        await in_jobs.move(tx, first.id, Move.CANCEL, at=AT)
    assert await column(db, import_id, "status") == "failed"
    assert await column(db, import_id, "error_message") == "of the second"
