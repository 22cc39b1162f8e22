"""Blockers: parts that go before another one where both touch the same records."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.lifecycle import AT_MARKETO, PartState
from app.domain.parts import ConflictScope, Part
from app.store import blobs
from app.store.part_rows import STANDS_IN_LINE, conflict_scope_of
from app.store.tables import WAITING, part, part_keys

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Blocker:
    """A part that goes first where it touches the same records."""

    id: int
    place: tuple[int, int]  # in the order of acceptance
    conflict_scope: ConflictScope
    keys_bytes: int
    not_before: datetime | None  # a part that is not to go before a later time has no claim to go first until then


COLUMNS: list[ColumnElement[Any]] = [
    part.c[name]
    for name in (
        *("id", "import_id", "turn", "number", "state", "due_at", "retry_code"),
        *("space", "key_fields", "list_id", "aside"),
    )
]


async def at_marketo(tx: AsyncConnection, of: Part) -> list[Blocker]:
    return await _found(tx, [part.c.instance == of.instance, part.c.state.in_(AT_MARKETO), part.c.id != of.id])


async def before(tx: AsyncConnection, of: Part, *, after: tuple[int, int], limit: int) -> list[Blocker]:
    """Waiting parts that were accepted before it, from a place in that order on; none that is under review."""
    assert of.accepted_seq is not None
    conditions = [
        part.c.instance == of.instance,
        part.c.state == WAITING,
        STANDS_IN_LINE,
        tuple_(part.c.turn, part.c.number) > after,
        tuple_(part.c.turn, part.c.number) < (of.accepted_seq, of.number),
    ]
    conflict_scope = of.conflict_scope
    if (
        conflict_scope.key_fields and conflict_scope.list_id is None and not conflict_scope.has_deferred_rows
    ):  # then its own parts never meet it
        conditions.append((part.c.import_id != of.import_id) | part.c.aside)
    return await _found(tx, conditions, limit)


async def up_to(tx: AsyncConnection, of: Part, last: tuple[int, int], *, limit: int) -> list[Blocker]:
    """The waiting parts up to a place in the order of acceptance that may touch what it touches, from the first on."""
    same = part.c.space == of.conflict_scope.record_kind
    if of.conflict_scope.list_id is not None:
        same |= part.c.list_id == of.conflict_scope.list_id
    waiting = (part.c.instance == of.instance, part.c.state == WAITING, STANDS_IN_LINE, part.c.id != of.id)
    return await _found(tx, [*waiting, tuple_(part.c.turn, part.c.number) <= last, same], limit)


async def _found(tx: AsyncConnection, conditions: list[ColumnElement[bool]], limit: int | None = None) -> list[Blocker]:
    size = func.coalesce(func.length(part_keys.c.digests), 0)
    rows = await tx.execute(
        select(*[*COLUMNS, size.label("keys_bytes")])
        .join(part_keys, part_keys.c.part_id == part.c.id, isouter=True)
        .where(*conditions)
        .order_by(part.c.turn, part.c.number)
        .limit(limit)
    )
    return [
        Blocker(row.id, (row.turn, row.number), conflict_scope_of(row), row.keys_bytes, _not_before(row))
        for row in rows
    ]


def _not_before(row: Row[Any]) -> datetime | None:
    """Until when a waiting part is not to go at all. To wait for a retry is another thing."""
    not_before: datetime | None = row.due_at if row.state == PartState.WAITING and not row.retry_code else None
    return not_before


async def keys(tx: AsyncConnection, ids: Iterable[int]) -> dict[int, bytes]:
    """The digests of parts' keys, as the files room keeps them. Those that are damaged are not known."""
    result = {}
    for row in (await tx.execute(select(part_keys).where(part_keys.c.part_id.in_(list(ids))))).all():
        if await blobs.is_whole(row.checksum, row.digests):
            result[row.part_id] = bytes(row.digests)
        else:
            log.error("stored keys are damaged: the part waits for all of its kind", part_id=row.part_id)
    return result
