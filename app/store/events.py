"""The history: append-only, one row for each move, written in the transaction that made it.

`data` holds facts about the work (codes, counts, who), never a cell of a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.tables import event


@dataclass(frozen=True, slots=True)
class Event:
    id: int
    at: datetime
    type: str
    part: int | None
    data: Mapping[str, Any]


async def append(
    tx: AsyncConnection,
    type_: str,
    *,
    at: datetime,
    instance: str,
    import_id: int | None = None,
    part: int | None = None,
    **data: object,
) -> int:
    """Write one line of history; its id, which no later one is below."""
    kept = {name: value for name, value in data.items() if value is not None}
    made = await tx.execute(
        insert(event)
        .values(at=at, instance=instance, import_id=import_id, part_number=part, type=type_, data=kept)
        .returning(event.c.id)
    )
    return int(made.scalar_one())


async def page(tx: AsyncConnection, import_id: int, *, after: int, size: int) -> list[Event]:
    """An import's events, oldest first, beginning behind the event with the id `after`."""
    found = await tx.execute(
        select(event.c.id, event.c.at, event.c.type, event.c.part_number, event.c.data)
        .where(event.c.import_id == import_id, event.c.id > after)
        .order_by(event.c.id)
        .limit(size)
    )
    return [Event(*row) for row in found]
