"""Who writes a part's state, and what follows from it."""

import itertools

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.domain.lifecycle import Move, PartState
from app.store import events, imports, instances, jobs, waiting_queue
from app.store.database import Database
from app.store.instances import LeaseTerm
from app.store.parts import Stale
from app.store.tables import event, import_, instance, job, part
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs
from tests.support.lifecycle import MOVES

SLOTTED = {"submitting", "unconfirmed", "queued", "importing"}


async def put(db: Database, part_id: int, state: str, slot: int = 1) -> None:
    async with db.write() as tx:
        await in_jobs.put(tx, part_id, state, slot=slot)


async def test_every_move_is_made_from_its_sources_and_from_nowhere_else(db: Database):
    """All moves × all states, against the table as it was drawn."""
    (only,) = await parts_of(db, await an_import(db))
    for move, state in itertools.product(Move, PartState):
        await put(db, only.id, state)
        sources, target = MOVES[move]
        async with db.write() as tx:
            if state in sources:
                moved = await in_jobs.move(tx, only.id, move, at=AT, values={"slot": 1} if target in SLOTTED else None)
                assert moved.state == target
                slots = (await tx.execute(select(job.c.slot).where(job.c.slot.is_not(None)))).all()
                assert bool(slots) == (target in SLOTTED)
            else:
                with pytest.raises(Stale):
                    await in_jobs.move(tx, only.id, move, at=AT, values={"slot": 2} if move == "claim" else None)


async def test_an_event_can_be_written_while_a_claim_holds_the_instance(db: Database):
    """Cancel locks the import and then writes an event; a claim locks the instance and then the import."""
    import_id = await an_import(db)
    if db.on_sqlite:  # one writer at a time: nobody waits for anybody inside a transaction
        return
    async with db.write() as claim, db.write() as cancel:
        await instances.take_lease(claim, "default", worker="w", term=LeaseTerm(AT, AT), over=AT)
        assert await instances.lock(claim, "default", epoch=1)
        lock = await imports.lock(cancel, import_id)
        await cancel.execute(text("SET LOCAL lock_timeout = '5s'"))
        await events.append_of(cancel, lock, "cancel_requested", at=AT)


async def test_the_loser_of_two_moves_does_nothing(db: Database):
    """A second claim of the same part is stale, and leaves no event behind."""
    import_id = await an_import(db)
    (only,) = await parts_of(db, import_id)
    async with db.write() as tx:
        await in_jobs.move(tx, only.id, Move.CLAIM, at=AT, values={"slot": 1})
    with pytest.raises(Stale):
        async with db.write() as tx:
            await in_jobs.move(tx, only.id, Move.CLAIM, at=AT, values={"slot": 2})
    async with db.read() as tx:
        types = (await tx.execute(select(event.c.type).where(event.c.import_id == import_id))).scalars().all()
    assert types == ["accepted", "claim"]


async def test_SLOTS_NOT_OVERSOLD_the_schema_itself_has_ten_numbered_slots(db: Database):
    """A slot taken twice, and an eleventh, are refused by the database whatever the code does."""
    waiting = await parts_of(db, await an_import(db, parts_count=3))
    async with db.write() as tx:
        await in_jobs.move(tx, waiting[0].id, Move.CLAIM, at=AT, values={"slot": 10})
    for slot in (10, 11, 0, None):
        with pytest.raises(IntegrityError):
            async with db.write() as tx:
                await in_jobs.move(tx, waiting[1].id, Move.CLAIM, at=AT, values={"slot": slot})


async def test_a_move_and_its_event_are_one_transaction(db: Database):
    """What is rolled back leaves neither."""
    import_id = await an_import(db)
    (only,) = await parts_of(db, import_id)
    with pytest.raises(ZeroDivisionError):
        async with db.write() as tx:
            await in_jobs.move(tx, only.id, Move.CANCEL, at=AT)
            raise ZeroDivisionError
    (after,) = await parts_of(db, import_id)
    assert after.state == "waiting"
    async with db.read() as tx:
        assert (await tx.execute(select(event.c.type))).scalars().all() == ["accepted"]


async def test_a_part_that_comes_back_to_a_cancelled_import_is_cancelled(db: Database):
    """It was on its way to Marketo when the person said stop; it was turned away; it does not go again."""
    import_id = await an_import(db)
    (only,) = await parts_of(db, import_id)
    async with db.write() as tx:
        await in_jobs.move(tx, only.id, Move.CLAIM, at=AT, values={"slot": 1})
        await imports.request_cancel(tx, import_id, at=AT)
    async with db.write() as tx:
        back = await in_jobs.move(tx, only.id, Move.TURN_AWAY, at=AT)
    assert back.state == "cancelled"


async def test_higher_priority_goes_first_then_the_order_of_acceptance(db: Database):
    """0 to 9, higher first; within one priority first come, first served."""
    first, second, urgent = [await an_import(db, priority=p) for p in (5, 5, 9)]
    order = []
    for slot in (1, 2, 3):
        async with db.write() as tx:
            priority, clients = await waiting_queue.clients(tx, "default")
            found, *_ = await waiting_queue.of_client(tx, "default", priority=priority, client=clients[0], limit=5)
            await in_jobs.move(tx, found.id, Move.CLAIM, at=AT, values={"slot": slot})
            order.append(found.import_id)
    assert order == [urgent, first, second]


async def test_a_reader_cannot_write(db: Database):
    """On SQLite a read transaction is query_only; on PostgreSQL nothing of ours writes in one."""
    if not db.on_sqlite:
        return
    await an_import(db)
    with pytest.raises(DBAPIError):
        async with db.read() as tx:
            await tx.execute(insert(instance).values(name="sneaked"))


async def test_sqlite_is_set_as_the_design_says(db: Database):
    """WAL, synchronous=FULL and foreign keys on the writer (SAFE_ACK rests on it); PostgreSQL's defaults likewise."""
    async with db.write() as tx:
        if db.on_sqlite:
            found = [
                (await tx.execute(text(f"PRAGMA {p}"))).scalar()
                for p in ("journal_mode", "synchronous", "foreign_keys")
            ]
            assert found == ["wal", 2, 1]
        else:
            assert (await tx.execute(text("SHOW synchronous_commit"))).scalar() == "on"


async def test_nothing_that_marketo_told_of_a_job_is_left_in_a_part_that_goes_once_more(db: Database):
    """It had imported two rows when Marketo forgot it: they are to come again, and count again."""
    import_id = await an_import(db)
    (only,) = await parts_of(db, import_id)
    await put(db, only.id, "importing")
    async with db.write() as tx:
        told = {"imported": 2, "counted": True, "message": "half of it", "started_at": AT}
        await jobs.note(tx, (await in_jobs.job_of(tx, only.id)).id, **told)
        await in_jobs.move(tx, only.id, Move.FORGET, at=AT)
        moved = await in_jobs.move(tx, only.id, Move.RESUBMIT, at=AT)
        rows = (await tx.execute(select(import_.c.imported).where(import_.c.id == import_id))).scalar_one()
    assert (moved.rows.imported, moved.counted, moved.message, moved.started_at, rows) == (0, False, None, None, 0)


@pytest.mark.endure
async def test_the_end_of_a_part_sets_any_number_free(postgres_url: str):
    """More than PostgreSQL takes parameters in a statement: 65,535."""
    database = Database(postgres_url)
    first, second = await parts_of(database, await an_import(database, parts_count=2))
    await put(database, first.id, "queued")
    async with database.write() as tx:
        names = ", ".join(one.name for one in part.columns if one.name not in {"id", "number", "waits_for"})
        await tx.exec_driver_sql(
            f"INSERT INTO part ({names}, number, waits_for) SELECT {names}, n, {first.id} "
            f"FROM part, generate_series(3, 70000) AS n WHERE part.id = {second.id}"
        )
    async with database.write() as tx:
        await in_jobs.move(tx, first.id, Move.FINISH, at=AT)
    async with database.read() as tx:
        held = select(func.count()).select_from(part).where(part.c.waits_for.is_not(None))
        assert (await tx.execute(held)).scalar_one() == 0
    await database.close()
