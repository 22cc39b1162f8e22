"""Imports: receiving and accepting them, their locks, and the sums over their parts, which lists and filters need.

The module is long because half of it lists columns: beginning, accepting and summing up each write many of them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.events import Occurrence
from app.domain.imports import (
    FINISHED,
    LeftOut,
    Request,
    SourceFile,
    Status,
    status_of,
)
from app.domain.lifecycle import State
from app.domain.objects import fields_of
from app.store import counters, events
from app.store.tables import import_, part
from app.store.transaction import ImportLock, Transaction

LOCKED = (import_.c.id, import_.c.instance, import_.c.client, import_.c.request_id)
"""The columns of an ImportLock."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an import comes from."""

    retry_of: int | None = None  # the import whose rows these are, once more
    request_id: str | None = None  # of the request that makes it


async def begin(
    tx: Transaction,
    request: Request,
    *,
    at: datetime,
    origin: Origin | None = None,
) -> int:
    """Make room for an upload. Until accept() it is not an import: nobody sees it, and maintenance may take it away."""
    made = await tx.execute(
        insert(import_).returning(import_.c.id),
        {
            "instance": request.instance,
            "client": request.client,
            "object_type": request.target.object_type,
            "format": request.format,
            "charset": request.charset,
            "priority": request.priority,
            "not_before": request.not_before,
            "preflight": request.preflight,
            "on_unconfirmed": request.on_unconfirmed,
            "label": request.label,
            "metadata": dict(request.metadata) if request.metadata is not None else None,
            "file_name": request.file_name,
            "retry_of": origin.retry_of if origin else None,
            "request_id": origin.request_id if origin else None,
            "created_at": at,
            "touched_at": at,
            **fields_of(request.target),
        },
    )
    return int(made.scalar_one())


@dataclass(frozen=True, slots=True)
class Accepted:
    """An import that has just begun to exist."""

    lock: ImportLock
    accepted_seq: int  # its place in the order of acceptance


async def accept(
    tx: Transaction,
    import_id: int,
    *,
    file: SourceFile,
    columns: Sequence[str],
    at: datetime,
    left_out: LeftOut | None = None,
) -> Accepted | None:
    """The whole file is stored: from this commit on the import exists (SAFE_ACK).

    None where the upload took so long that it was given up as broken off.
    """
    updated = await tx.execute(
        update(import_)
        .where(import_.c.id == import_id, import_.c.status.is_(None), import_.c.file_erased_at.is_(None))
        .values(
            file_bytes=file.size_bytes,
            file_sha256=file.sha256,
            rows=file.rows,
            ragged_rows=file.ragged_rows,
            columns=list(columns),
            left_out=asdict(left_out) if left_out and left_out.rows else None,
            status=Status.QUEUED,
            touched_at=at,
            created_at=at,  # not when its upload began: nobody who asks for the newer ones misses it
        )
        .returning(*LOCKED)
    )
    row = updated.one_or_none()
    if row is None:
        return None
    lock = tx.lock(*row)
    facts = {"rows": file.rows, "bytes": file.size_bytes}
    event_id = await events.append_of(tx, lock, Occurrence.ACCEPTED, at=at, beside={"client": lock.client}, **facts)
    return Accepted(lock, event_id)


async def touch(tx: Transaction, import_id: int, *, at: datetime) -> bool:
    """The upload goes on. False where it took so long that it was given up as broken off."""
    its_own = (import_.c.id == import_id, import_.c.file_erased_at.is_(None))
    touched = await tx.execute(update(import_).where(*its_own).values(touched_at=at))
    return touched.rowcount == 1


async def lock(tx: Transaction, import_id: int) -> ImportLock | None:
    """Make those who write about one import take turns. None where there is no such import."""
    return await _lock(tx, import_.c.id == import_id)


async def lock_beside(tx: Transaction, import_id: int) -> ImportLock:
    """The same, for what only adds to the history of an import that is known to exist.

    Not FOR UPDATE: a retry's row refers to this one already, and the row of another retry may be waiting to.
    """
    locking = select(*LOCKED).where(import_.c.id == import_id).with_for_update(key_share=True)
    return tx.lock(*(await tx.execute(locking)).one())


async def lock_of_part(tx: Transaction, part_id: int) -> ImportLock:
    """Make those who move parts of one import take turns, so that refresh() sees every part as it is."""
    its_import = select(part.c.import_id).where(part.c.id == part_id).scalar_subquery()
    lock = await _lock(tx, import_.c.id == its_import)
    assert lock is not None, "a part belongs to an import"
    return lock


async def _lock(tx: Transaction, which: ColumnElement[bool]) -> ImportLock | None:
    row = (await tx.execute(select(*LOCKED).where(which).with_for_update())).one_or_none()
    return None if row is None else tx.lock(*row)


async def is_cancelled(tx: AsyncConnection, import_id: int) -> bool:
    asked = await tx.execute(select(import_.c.cancel_requested_at).where(import_.c.id == import_id))
    return asked.scalar_one() is not None


async def request_cancel(tx: Transaction, import_id: int, *, at: datetime) -> None:
    await tx.execute(
        update(import_)
        .where(import_.c.id == import_id, import_.c.cancel_requested_at.is_(None))
        .values(cancel_requested_at=at)
    )


async def refresh(tx: Transaction, lock: ImportLock, *, at: datetime | None) -> None:
    """Derive status and sums anew from the parts, after one of them moved (`at`) or made progress (None).

    Where every part has ended now, the transaction is told so: what else belongs to the end is the finish step's.
    """
    states: Counter[State] = Counter()
    imported = failed = warned = 0
    sums = (func.sum(part.c.imported), func.sum(part.c.failed), func.sum(part.c.warned))
    of_it = part.c.import_id == lock.import_id
    for row in await tx.execute(select(part.c.state, func.count(), *sums).where(of_it).group_by(part.c.state)):
        states[State(row[0])] = row[1]
        imported, failed, warned = imported + int(row[2]), failed + int(row[3]), warned + int(row[4])
    columns = (import_.c.touched_at, import_.c.started_at, import_.c.finished_at, import_.c.error_code)
    stored = (await tx.execute(select(*columns).where(import_.c.id == lock.import_id))).one()
    status = status_of(states)
    values: dict[str, Any] = {"status": status, "imported": imported, "failed": failed, "warned": warned}
    if at and status is not Status.QUEUED and stored.started_at is None and states.keys() - {State.CANCELLED}:
        values["started_at"] = at
        counters.observe(tx, lock.instance, counters.WAITED, since=stored.touched_at, until=at)
    if at and status in FINISHED and stored.finished_at is None:
        tx.ended.setdefault(lock, at)
    if status is Status.FAILED and stored.error_code is None:
        values |= await _first_error(tx, lock.import_id)
    await tx.execute(update(import_).where(import_.c.id == lock.import_id).values(values))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an import whose parts have all ended, and when its work was done."""

    status: Status
    imported: int
    failed: int
    warned: int
    accepted_at: datetime
    started_at: datetime | None  # None where nothing of it was ever sent


async def finish(tx: Transaction, lock: ImportLock, *, at: datetime) -> Outcome:
    """Note when an import finished. Only the finish step calls this (app/pipeline/finish.py)."""
    columns = (import_.c.status, import_.c.imported, import_.c.failed, import_.c.warned)
    times = (import_.c.touched_at, import_.c.started_at)
    finished = update(import_).where(import_.c.id == lock.import_id).values(finished_at=at).returning(*columns, *times)
    status, *rest = (await tx.execute(finished)).one()
    return Outcome(Status(status), *rest)


async def _first_error(tx: AsyncConnection, import_id: int) -> dict[str, Any]:
    first = await tx.execute(
        select(part.c.error_code, part.c.error_message, part.c.error_marketo_code)
        .where(part.c.import_id == import_id, part.c.error_code.is_not(None))
        .order_by(part.c.number)
        .limit(1)
    )
    row = first.mappings().one_or_none()
    return dict(row) if row else {}
