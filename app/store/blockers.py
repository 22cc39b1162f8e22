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
from app.store import blobs, data_keys, sealed
from app.store.blobs import Corrupt
from app.store.data_keys import PartKey
from app.store.part_rows import STANDS_IN_LINE, conflict_scope_of
from app.store.tables import WAITING, part, part_keys
from app.store.transaction import ReadTransaction

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


async def keys(tx: ReadTransaction, ids: Iterable[int]) -> dict[int, bytes]:
    """The digests of parts' keys, as the files room keeps them. Those that are damaged are not known.

    Sealed or not, they are digests of the same kind: parts are compared that were stored before and after a change of
    SLUICE_ENCRYPTION_KEYS. Errors: MissingKey; what cannot be opened is not taken for nothing.
    """
    rows = (await tx.execute(select(part_keys).where(part_keys.c.part_id.in_(list(ids))))).all()
    sealed_ids = [row.part_id for row in rows if row.sealed]
    keys_of = await data_keys.of_parts(tx, sealed_ids) if sealed_ids else {}
    result = {}
    for row in rows:
        try:
            result[row.part_id] = await _digests(row, keys_of.get(row.part_id))
        except Corrupt:
            log.exception("stored keys are damaged: the part waits for all of its kind", part_id=row.part_id)
    return result


async def digests_of(tx: ReadTransaction, part_id: int) -> bytes:
    """The digests of one part's keys. Errors: Corrupt, MissingKey."""
    row = (await tx.execute(select(part_keys).where(part_keys.c.part_id == part_id))).one()
    keys_of = await data_keys.of_parts(tx, [part_id]) if row.sealed else {}
    return await _digests(row, keys_of.get(part_id))


async def _digests(row: Row[Any], its: PartKey | None) -> bytes:
    """Errors: Corrupt."""
    if not await blobs.is_whole(row.checksum, row.digests) or (row.sealed and (its is None or its.key is None)):
        raise Corrupt(f"the record keys of part {row.part_id} are not what was stored")
    digests = bytes(row.digests)
    if its and its.key:
        return await sealed.unseal(its.key, digests, sealed.record_keys_of(its.import_id, its.number))
    return digests
