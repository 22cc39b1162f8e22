"""Uploads that are given up: nobody can accept them any more, and they are taken away a few parts at a time."""

from sqlalchemy import func, select, text

from app.domain.imports import SourceFile
from app.store import discards, imports
from app.store.database import Database
from app.store.tables import import_, part
from tests.store.seed import AT, an_import


async def test_a_large_upload_is_taken_away_a_few_parts_at_a_time(db: Database):
    """What it takes in SQLite's log, or of everybody's time, does not grow with the upload."""
    import_id = await an_import(db, parts_count=25)
    async with db.write() as tx:
        await tx.execute(text("UPDATE import SET status = NULL"))
        await discards.give_up(tx, import_id, at=AT)
    left = []
    more = True
    while more:
        async with db.write() as tx:
            more = await discards.go_on(tx)
        async with db.read() as tx:
            left.append((await tx.execute(select(func.count()).select_from(part))).scalar_one())
    assert left == [15, 5, 0, 0, 0]
    async with db.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(import_))).scalar_one() == 0


async def test_NO_LOST_ROWS_what_was_given_up_is_never_accepted(db: Database):
    """Some of its parts may be gone already, though its last ones still come."""
    import_id = await an_import(db, parts_count=3)
    async with db.write() as tx:
        await tx.execute(text("UPDATE import SET status = NULL"))
        await discards.give_up(tx, import_id, at=AT)
    async with db.write() as tx:
        assert not await imports.touch(tx, import_id, at=AT)
        file = SourceFile(None, 8, "00", 1)
        assert await imports.accept(tx, import_id, file=file, columns=["a"], at=AT) is None


async def test_an_import_is_never_given_up(db: Database):
    """It was accepted a moment before."""
    import_id = await an_import(db)
    async with db.write() as tx:
        await discards.give_up(tx, import_id, at=AT)
        await discards.give_up_all(tx, at=AT)
        assert not await discards.go_on(tx)
    async with db.read() as tx:
        assert (await tx.execute(select(import_.c.file_erased_at))).scalar_one() is None
