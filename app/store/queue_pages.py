"""Pages of what a person looks at in an instance's queue and history, by indexed places. Nothing here writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.imports import ImportStatus
from app.domain.parts import Part
from app.store.part_rows import STANDS_IN_LINE, as_part
from app.store.tables import WAITING, import_, part

MOST_COUNTED = 1_000  # waiting parts of one client


@dataclass(frozen=True, slots=True)
class WaitingPart:
    part: Part
    label: str | None  # its import's: the label, or else the file's name
    priority: int


async def waiting(
    tx: AsyncConnection, instance_name: str, *, after: tuple[int, int] | None, size: int
) -> list[WaitingPart]:
    """Parts that stand in line, in the order of acceptance, from behind the place `after` (sequence, number) on."""
    conditions = [part.c.instance == instance_name, part.c.state == WAITING, STANDS_IN_LINE]
    if after is not None:
        conditions.append(tuple_(part.c.turn, part.c.number) > tuple_(*map(literal, after)))
    # first the page by its index alone, then its imports: else a database may go through all of these
    page = select(part).where(*conditions).order_by(part.c.turn, part.c.number).limit(size).subquery()
    label = func.coalesce(import_.c.label, import_.c.file_name).label("label")
    query = select(page, label).join(import_, import_.c.id == page.c.import_id).order_by(page.c.turn, page.c.number)
    return [WaitingPart(as_part(row), row.label, row.priority) for row in await tx.execute(query)]


@dataclass(frozen=True, slots=True)
class LastImport:
    id: int
    status: ImportStatus
    created_at: datetime


async def waiting_by_client(tx: AsyncConnection, clients: Sequence[str]) -> dict[str, int]:
    """How many parts of each of these clients wait; counted no further than MOST_COUNTED."""
    if not clients:
        return {}
    counts: list[Any] = []
    for number, client in enumerate(clients):
        some = select(part.c.id).where(part.c.state == WAITING, part.c.client == client).limit(MOST_COUNTED).subquery()
        counts.append(select(literal(number).label("number"), func.count().label("parts")).select_from(some))
    return {clients[row.number]: row.parts for row in await tx.execute(union_all(*counts))}


async def last_imports(tx: AsyncConnection, clients: Sequence[str], *, most: int) -> dict[str, list[LastImport]]:
    """By client: its newest imports, each looked up in the index of its client."""
    if not clients:
        return {}
    columns = (import_.c.client, import_.c.id, import_.c.status, import_.c.created_at)
    newest = [
        select(
            select(*columns)
            .where(import_.c.client == client, import_.c.status.is_not(None))
            .order_by(import_.c.id.desc())
            .limit(most)
            .subquery()
        )
        for client in clients
    ]
    result: dict[str, list[LastImport]] = {}
    for row in await tx.execute(union_all(*newest)):
        result.setdefault(row.client, []).append(LastImport(row.id, ImportStatus(row.status), row.created_at))
    return {client: sorted(found, key=lambda last: -last.id) for client, found in result.items()}
