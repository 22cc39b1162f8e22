"""The end of an import: it is made in the transaction that ends its last part, whoever writes that."""

import pytest
from sqlalchemy import exists, select

from app.domain.lifecycle import Move
from app.store.database import Database
from app.store.tables import event, import_
from app.store.tables import part as part_table
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs

TO_THE_END = {
    "complete": (Move.CLAIM, Move.ACCEPT, Move.START, Move.FINISH, Move.COLLECT),
    "failed": (Move.CLAIM, Move.ACCEPT, Move.FAIL),
    "refused": (Move.CLAIM, Move.REFUSE),
    "abandoned": (Move.ABANDON,),
    "cancelled": (Move.CANCEL,),
}


async def make(db: Database, part_id: int, moves: tuple[Move, ...]) -> None:
    for move in moves:
        async with db.write() as tx:
            await in_jobs.move(tx, part_id, move, at=AT, values={"slot": 1} if move is Move.CLAIM else None)


async def events_of(db: Database, import_id: int) -> list[str]:
    types = select(event.c.type).where(event.c.import_id == import_id).order_by(event.c.id)
    async with db.read() as tx:
        return list((await tx.execute(types)).scalars())


async def unfinished_ends(db: Database) -> list[int]:
    """The imports without a time of their end whose parts have all ended."""
    under_way = exists().where(
        part_table.c.import_id == import_.c.id, part_table.c.state.not_in(["complete", "failed", "cancelled"])
    )
    async with db.read() as tx:
        ended = await tx.execute(select(import_.c.id).where(import_.c.finished_at.is_(None), ~under_way))
    return list(ended.scalars())


@pytest.mark.both_databases
@pytest.mark.parametrize("end", TO_THE_END)
async def test_an_import_finishes_with_its_last_part_and_once(db: Database, end: str):
    """Whatever ends that part; the event stands behind the move."""
    import_id = await an_import(db, parts_count=2)
    first, last = await parts_of(db, import_id)
    await make(db, first.id, TO_THE_END[end])
    assert "finished" not in await events_of(db, import_id)
    await make(db, last.id, TO_THE_END[end])
    types = await events_of(db, import_id)
    assert types[-2:] == [TO_THE_END[end][-1], "finished"]
    assert types.count("finished") == 1
    assert await unfinished_ends(db) == []


@pytest.mark.both_databases
async def test_no_import_can_end_and_be_left_unfinished(db: Database):
    """A database that was opened without the finish step refuses the move that ends the last part."""
    import_id = await an_import(db)
    (only,) = await parts_of(db, import_id)
    forgetful = Database(db.url)
    try:
        with pytest.raises(RuntimeError, match="without a finish step"):
            async with forgetful.write() as tx:
                await in_jobs.move(tx, only.id, Move.CANCEL, at=AT)
    finally:
        await forgetful.close()
    assert (await parts_of(db, import_id))[0].state == "waiting"
    assert await unfinished_ends(db) == []
