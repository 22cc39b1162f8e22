"""All that is stored as bytes, looked through a few values at a time."""

from typing import Any

import pytest
from sqlalchemy import Table, insert, update

from app.store import blobs, integrity, jobs
from app.store.database import Database
from app.store.integrity import Stored
from app.store.tables import part_file, part_keys, result_file
from tests.store.seed import AT, an_import, parts_of


async def everything(db: Database, table: Table) -> list[Stored]:
    """All rows of a table, page by page."""
    rows: list[Stored] = []
    while True:
        async with db.read() as tx:
            page = await integrity.some(tx, table, after=rows[-1].key if rows else None)
        if not page:
            return rows
        rows += page


async def test_each_value_is_met_once(db: Database):
    """However many pages there are, in every table that holds bytes; `count` says how many there will be."""
    first, *others = await parts_of(db, await an_import(db, parts_count=12))
    async with db.write() as tx:
        await tx.execute(insert(part_keys), {"part_id": first.id, "digests": b"8 bytes.", "checksum": None})
        job = await jobs.claim(tx, [first.id, others[0].id], slot=1, due_at=AT, at=AT)
        for kind in ("failures", "warnings"):
            await tx.execute(insert(result_file), {"job_id": job.id, "kind": kind, "blob": b"x", "checksum": None})
        assert await integrity.count(tx) == 15
    files = await everything(db, part_file)
    assert [stored.key for stored in files] == [(one.id,) for one in (first, *others)]
    assert [stored.part_number for stored in files] == list(range(1, 13))
    result_files = await everything(db, result_file)
    assert [stored.key for stored in result_files] == [(job.id, "failures"), (job.id, "warnings")]
    assert [(stored.import_id, stored.part_number) for stored in result_files] == [(first.import_id, 1)] * 2
    (keys,) = await everything(db, part_keys)
    assert (keys.table, keys.import_id, keys.state, keys.contents) == (
        "part_keys",
        first.import_id,
        "submitting",
        (b"8 bytes.",),
    )


@pytest.mark.parametrize(
    ("columns", "has_checksum", "is_whole"),
    [
        ({}, True, True),
        ({"blob": b"b1ob"}, True, False),
        ({"row_numbers": b"1"}, True, False),
        ({"checksum": None, "blob": b"anything"}, False, True),
    ],
    ids=["as stored", "changed", "beside it", "without a checksum"],
)
async def test_a_value_is_whole_where_its_checksum_says_so(
    db: Database, columns: dict[str, Any], has_checksum: bool, is_whole: bool
):
    """The checksum is of all columns together; what has none, from before there were any, passes."""
    await an_import(db)
    async with db.write() as tx:
        await tx.execute(update(part_file).values(checksum=await blobs.checksum(b"blob", None)))
        if columns:
            await tx.execute(update(part_file).values(columns))
    (stored,) = await everything(db, part_file)
    assert (stored.has_checksum, stored.whole) == (has_checksum, is_whole)


async def test_a_sound_database_complains_of_nothing(db: Database):
    """PostgreSQL is never asked."""
    await an_import(db)
    async with db.read() as tx:
        assert await integrity.complaints(tx) == []


async def test_a_row_that_refers_to_nothing_is_complained_of(sqlite_url: str):
    """SQLite checks its references while it writes, but a damaged file may hold any."""
    database = Database(sqlite_url)
    await an_import(database)
    async with database.write() as tx:
        await tx.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        await tx.exec_driver_sql("UPDATE part_file SET part_id = 99")
        complaints = await integrity.complaints(tx)
        await tx.exec_driver_sql("UPDATE part_file SET part_id = (SELECT id FROM part)")
    await database.close()
    assert complaints == ["a row of part_file refers to nothing in part"]
