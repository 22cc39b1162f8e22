"""The stages of rekeying: a bounded number of rows at a time, and no data key that is still needed goes."""

import asyncio

from sqlalchemy import insert, select, update

from app.domain.imports import Content
from app.domain.result_rows import ResultRow
from app.store import data_keys, rekeying, results
from app.store.database import Database
from app.store.rekeying import STAGES
from app.store.results import Kind, Owner
from app.store.tables import data_key, part_file, part_keys, result_row
from tests.store.seed import an_import, parts_of
from tests.support.keys import FIRST, SECOND, give_keys


async def ids_of(db: Database, stage: str, *, after: int = 0, seals: bool = True) -> list[int]:
    async with db.read() as tx:
        return await rekeying.next_ids(tx, STAGES[stage], after=after, seals=seals)


async def test_what_one_transaction_takes_is_bounded(db: Database):
    """By rows and by bytes, but one row at least; what is as it should be is passed over."""
    parts = await parts_of(db, await an_import(db, parts_count=600))
    ids = [part.id for part in parts]
    assert await ids_of(db, "part_file") == ids[:500]
    assert await ids_of(db, "part_file", after=ids[499]) == ids[500:]
    assert await ids_of(db, "part_file", seals=False) == []
    async with db.write() as tx:
        large = part_file.c.part_id.in_(ids[:3])
        await tx.execute(update(part_file).where(large).values(blob=bytes(1_500_000)))
        await tx.execute(update(part_file).where(part_file.c.part_id == ids[3]).values(blob=bytes(5_000_000)))
        await tx.execute(update(part_file).where(part_file.c.part_id == ids[0]).values(sealed=True))
    assert await ids_of(db, "part_file") == ids[1:3]
    assert await ids_of(db, "part_file", after=ids[2]) == [ids[3]]


async def test_in_the_clear_a_data_key_goes_once_nothing_is_sealed_by_it(db: Database):
    """Rows of any table hold it."""
    give_keys(db, FIRST)
    import_id = await an_import(db)
    (only,) = await parts_of(db, import_id)
    async with db.write() as tx:
        key = (await data_keys.get_or_add(tx, [import_id], Content.FILE))[import_id]
        digests = key.seal(b"8 bytes.", f"record-keys/{import_id}/1")
        await tx.execute(insert(part_keys), {"part_id": only.id, "digests": digests, "sealed": True})
    give_keys(db, "clear", FIRST)
    changes = []
    for stage in ("data_key", "part_file", "data_key", "part_keys", "data_key"):
        ids = await ids_of(db, stage, seals=False)
        async with db.write() as tx:
            changes.append(await STAGES[stage].work(tx, ids))
    assert changes == [0, 1, 0, 1, 1]
    async with db.read() as tx:
        assert (await tx.execute(select(part_keys.c.digests))).scalar_one() == b"8 bytes."
        assert (await tx.execute(select(part_file.c.blob))).scalar_one() == b"blob"


async def test_what_another_process_seals_meanwhile_keeps_its_data_key(database_url: str, db: Database):
    """It holds the key until its transaction ends; whoever would delete it waits, and looks again."""
    give_keys(db, FIRST)
    import_id = await an_import(db)
    async with db.write() as tx:
        await data_keys.get_or_add(tx, [import_id], Content.RESULTS)
        ids = list((await tx.execute(select(data_key.c.id).where(data_key.c.content == "results"))).scalars())
    other = db if db.on_sqlite else Database(database_url)
    deleting: asyncio.Task[int] | None = None

    async def delete() -> int:
        async with other.write() as tx:
            give_keys(other, "clear", FIRST)
            tx.vault = other.vault
            return await STAGES["data_key"].work(tx, ids)

    async with db.write() as tx:
        row = (Owner(import_id, 1), ResultRow(1, "no email", ["a"]))
        await results.keep_rows(tx, Kind.FAILURES, results.encode_rows([row]))
        deleting = asyncio.create_task(delete())
        await asyncio.wait([deleting], timeout=0.2)
        assert not deleting.done()
    assert await deleting == 0
    give_keys(db, SECOND, FIRST)
    async with db.read() as tx:
        page = await results.page(tx, import_id, Kind.FAILURES, results.Cut(None, 10))
        assert [row.reason for row in page.rows] == ["no email"]
        assert (await tx.execute(select(result_row.c.sealed))).scalar_one() is True
    if other is not db:
        await other.close()
