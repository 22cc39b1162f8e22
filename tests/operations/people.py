"""What tests of operations share: an unconfirmed part, and the events that a person caused."""

from typing import Any

from sqlalchemy import select

from app.domain.lifecycle import Move
from app.store.database import Database
from app.store.tables import event
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs


async def events_by(db: Database, person: str) -> list[tuple[str, dict[str, Any]]]:
    """What this person did, the oldest first."""
    async with db.read() as tx:
        rows = await tx.execute(select(event.c.type, event.c.data).order_by(event.c.id))
    return [(row.type, row.data) for row in rows if row.data.get("by") == person]


async def unconfirmed(db: Database, *, slot: int = 1) -> int:
    """An import whose one part is unconfirmed."""
    import_id = await an_import(db)
    (part,) = await parts_of(db, import_id)
    async with db.write() as tx:
        await in_jobs.move(tx, part.id, Move.CLAIM, at=AT, values={"slot": slot})
        await in_jobs.move(tx, part.id, Move.LOSE, at=AT)
    return import_id
