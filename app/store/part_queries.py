"""Which parts there are: of an import, behind another, waiting. Nothing here writes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.parts import Part
from app.store.part_rows import as_part
from app.store.tables import WAITING, part

AT_ONCE = 500  # ids in one statement


async def get(tx: AsyncConnection, part_id: int) -> Part:
    return as_part((await tx.execute(select(part).where(part.c.id == part_id))).one())


async def of_import(tx: AsyncConnection, import_id: int) -> list[Part]:
    """The parts of an accepted import, in their order."""
    rows = await tx.execute(
        select(part).where(part.c.import_id == import_id, part.c.state.is_not(None)).order_by(part.c.number)
    )
    return [as_part(row) for row in rows]


async def first_waiting(tx: AsyncConnection, import_ids: Collection[int]) -> Mapping[int, Part]:
    """By import: the first of its parts that waits; an import of which none does is missing."""
    waiting_id = func.min(case((part.c.state == WAITING, part.c.id)))
    first = select(waiting_id).where(part.c.import_id.in_(import_ids)).group_by(part.c.import_id)
    rows = await tx.execute(select(part).where(part.c.id.in_(first)))
    return {row.import_id: as_part(row) for row in rows}


@dataclass(frozen=True, slots=True)
class BlockedBy:
    """A part that touches the same records as a waiting one, and goes first."""

    import_id: int
    number: int
    client: str


async def blockers(tx: AsyncConnection, waiting: Sequence[Part]) -> Mapping[int, BlockedBy]:
    """By the id of the part that is waited for."""
    ids = sorted({part.blocked_by for part in waiting if part.blocked_by is not None})
    result: dict[int, BlockedBy] = {}
    for chunk in (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE)):
        columns = (part.c.id, part.c.import_id, part.c.number, part.c.client)
        rows = await tx.execute(select(*columns).where(part.c.id.in_(chunk)))
        result |= {row.id: BlockedBy(row.import_id, row.number, row.client) for row in rows}
    return result


async def imports_behind(tx: AsyncConnection, instance_name: str, ids: Collection[int]) -> frozenset[int]:
    """The imports of which a part waits for one of these parts, or for one that does."""
    waiting, next_waiting = part.alias(), part.alias()
    first = select(waiting.c.id, waiting.c.import_id).where(
        waiting.c.instance == instance_name, waiting.c.waits_for.in_(ids)
    )
    behind = first.cte("behind", recursive=True)
    next_ = select(next_waiting.c.id, next_waiting.c.import_id).where(
        next_waiting.c.instance == instance_name, next_waiting.c.waits_for == behind.c.id
    )
    behind = behind.union(next_)
    return frozenset((await tx.execute(select(behind.c.import_id).distinct())).scalars())


async def failing_since(tx: AsyncConnection, instance_name: str, *, before: datetime) -> list[int]:
    """The ids of parts whose tries have all failed since a time before that."""
    rows = await tx.execute(
        select(part.c.id).where(part.c.instance == instance_name, part.c.failing_since < before).order_by(part.c.id)
    )
    return list(rows.scalars())


async def waiting_of(tx: AsyncConnection, import_id: int) -> Sequence[int]:
    rows = await tx.execute(
        select(part.c.id).where(part.c.import_id == import_id, part.c.state == WAITING).order_by(part.c.id)
    )
    return rows.scalars().all()


async def separated_from(tx: AsyncConnection, job_id: int) -> list[Part]:
    """The parts of a job that was refused as a whole which wait to go alone."""
    waiting = (part.c.separated_from == job_id, part.c.state == WAITING)
    return [as_part(row) for row in await tx.execute(select(part).where(*waiting).order_by(part.c.id))]
