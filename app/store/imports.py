"""Imports: receiving and accepting them, their locks, and the sums over their parts, which lists and filters need.

The module is long because half of it lists columns: beginning, accepting and summing up each write many of them.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Update, bindparam, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.events import Occurrence
from app.domain.imports import (
    FINISHED,
    ImportStatus,
    LeftOut,
    Request,
    SourceFile,
    status_of,
)
from app.domain.lifecycle import PartState
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
    traceparent: str | None = None  # the trace context of that request


async def begin(
    tx: Transaction,
    request: Request,
    *,
    at: datetime,
    origin: Origin | None = None,
) -> int:
    """Make room for an upload. Until accept() it is not an import: nobody sees it, and maintenance may take it away."""
    made = await tx.execute(insert(import_).returning(import_.c.id), asked_for(request, origin, at=at))
    return int(made.scalar_one())


def asked_for(request: Request, origin: Origin | None, *, at: datetime) -> dict[str, Any]:
    """The columns of an upload that are known before its file is."""
    return {
        "instance": request.instance,
        "client": request.client,
        "object_type": request.target.object_type,
        "format": request.format,
        "charset": request.charset,
        "priority": request.priority,
        "not_before": request.not_before,
        "preflight": request.preflight,
        "on_unconfirmed": request.on_unconfirmed,
        "bundle": request.bundle,
        "label": request.label,
        "metadata": dict(request.metadata) if request.metadata is not None else None,
        "column_map": dict(request.column_map) if request.column_map is not None else None,
        "file_name": request.file_name,
        "retry_of": origin.retry_of if origin else None,
        "request_id": origin.request_id if origin else None,
        "traceparent": origin.traceparent if origin else None,
        "created_at": at,
        "touched_at": at,
        **fields_of(request.target),
    }


def read_whole(
    file: SourceFile,
    columns: Sequence[str],
    *,
    at: datetime,
    left_out: LeftOut | None = None,
    review_until: datetime | None = None,
) -> dict[str, Any]:
    """The columns of an import that are known once its file is read to the end: from then on it exists."""
    return {
        "file_bytes": file.size_bytes,
        "file_sha256": file.sha256,
        "rows": file.rows,
        "ragged_rows": file.ragged_rows,
        "columns": list(columns),
        "left_out": asdict(left_out) if left_out and left_out.rows else None,
        "review_until": review_until,
        "status": ImportStatus.QUEUED,
        "touched_at": at,
        "created_at": at,  # not when its upload began: nobody who asks for the newer ones misses it
    }


@dataclass(frozen=True, slots=True)
class Accepted:
    """An import that has just begun to exist."""

    lock: ImportLock
    accepted_seq: int | None  # its place in the order of acceptance; None: it has none before its release


async def accept(
    tx: Transaction,
    import_id: int,
    *,
    file: SourceFile,
    columns: Sequence[str],
    at: datetime,
    left_out: LeftOut | None = None,
    review_until: datetime | None = None,
) -> Accepted | None:
    """The whole file is stored: from this commit on the import exists (SAFE_ACK).

    With `review_until` it is under review: nothing of it is sent before its release, which can be asked for until then.

    None where the upload took so long that it was given up as broken off.
    """
    updated = await tx.execute(
        update(import_)
        .where(import_.c.id == import_id, import_.c.status.is_(None), import_.c.file_erased_at.is_(None))
        .values(read_whole(file, columns, at=at, left_out=left_out, review_until=review_until))
        .returning(*LOCKED)
    )
    row = updated.one_or_none()
    if row is None:
        return None
    lock = tx.lock(*row)
    facts = {"rows": file.rows, "bytes": file.size_bytes}
    event_id = await events.append_of(tx, lock, Occurrence.ACCEPTED, at=at, beside={"client": lock.client}, **facts)
    return Accepted(lock, None if review_until else event_id)


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


async def lock_of_job(tx: Transaction, job_id: int) -> list[ImportLock]:
    """The locks of all imports whose parts are in a job, taken in the order of their ids, as everybody does."""
    of_its_parts = select(part.c.import_id).where(part.c.job_id == job_id)
    return await lock_all(tx, import_.c.id.in_(of_its_parts))


async def lock_each(tx: Transaction, import_ids: Collection[int]) -> list[ImportLock]:
    return await lock_all(tx, import_.c.id.in_(import_ids))


async def lock_all(tx: Transaction, which: ColumnElement[bool]) -> list[ImportLock]:
    """The locks of several imports, taken in the order of their ids."""
    rows = await tx.execute(select(*LOCKED).where(which).order_by(import_.c.id).with_for_update())
    return [tx.lock(*row) for row in rows]


async def cancelled_among(tx: AsyncConnection, import_ids: Collection[int]) -> frozenset[int]:
    """Those whose cancellation was asked for."""
    asked = select(import_.c.id).where(import_.c.id.in_(import_ids), import_.c.cancel_requested_at.is_not(None))
    return frozenset((await tx.execute(asked)).scalars())


async def not_before(tx: AsyncConnection, import_ids: Collection[int], *, later_than: datetime) -> dict[int, datetime]:
    """When those are to go at the earliest which name a time that is still to come."""
    named = select(import_.c.id, import_.c.not_before).where(import_.c.id.in_(import_ids))
    return {row.id: row.not_before for row in await tx.execute(named.where(import_.c.not_before > later_than))}


async def change(tx: Transaction, lock: ImportLock, values: Mapping[str, Any]) -> None:
    """Set what a person may change of an import that still waits."""
    assert values.keys() <= {"priority", "not_before", "label"}
    await tx.execute(update(import_).where(import_.c.id == lock.import_id).values(values))


async def end_review(tx: Transaction, lock: ImportLock, *, released_at: datetime | None) -> bool:
    """It can be released no more: it was, or it is cancelled (None). False where it was not under review."""
    in_review = (import_.c.id == lock.import_id, import_.c.review_until.is_not(None))
    values: dict[str, Any] = {"review_until": None}
    if released_at:  # its waiting begins, and how long that took is counted from here
        values |= {"released_at": released_at, "touched_at": released_at}
    return bool((await tx.execute(update(import_).where(*in_review).values(values))).rowcount)


async def put_under_review(tx: Transaction, import_ids: Collection[int], *, until: datetime) -> None:
    """Nothing more of these imports is sent before their release; of one that was cancelled, nothing is anyway."""
    which = (import_.c.id.in_(import_ids), import_.c.cancel_requested_at.is_(None))
    await tx.execute(update(import_).where(*which).values(review_until=until, released_at=None))


async def extend_reviews(tx: Transaction, *, over_at: datetime, until: datetime) -> None:
    """Let imports be released until then whose review would be over."""
    await tx.execute(update(import_).where(import_.c.review_until <= over_at).values(review_until=until))


async def review_expired(tx: Transaction, *, at: datetime, limit: int) -> list[ImportLock]:
    """The locks of imports under review that nobody has released in time, those of the lowest ids."""
    over = select(import_.c.id).where(import_.c.review_until <= at).order_by(import_.c.id).limit(limit)
    return await lock_all(tx, import_.c.id.in_((await tx.execute(over)).scalars().all()))


async def request_cancel(tx: Transaction, import_id: int, *, at: datetime) -> None:
    await tx.execute(
        update(import_)
        .where(import_.c.id == import_id, import_.c.cancel_requested_at.is_(None))
        .values(cancel_requested_at=at)
    )


async def refresh(tx: Transaction, locks: Sequence[ImportLock], *, at: datetime | None) -> None:
    """Derive status and sums anew from the parts, after some of them moved (`at`) or made progress (None).

    Where every part of an import has ended now, the transaction is told so: what else belongs to the end is the finish
    step's.
    """
    if not locks:
        return
    ids = [lock.import_id for lock in locks]
    sums: dict[int, _Sums] = defaultdict(_Sums)
    counts = (func.count(), func.sum(part.c.imported), func.sum(part.c.failed), func.sum(part.c.warned))
    by_state = (part.c.import_id, part.c.state)
    for row in await tx.execute(select(*by_state, *counts).where(part.c.import_id.in_(ids)).group_by(*by_state)):
        sums[row.import_id].add(PartState(row.state), *row[2:])
    columns = (import_.c.id, import_.c.touched_at, import_.c.started_at, import_.c.finished_at, import_.c.error_code)
    stored = {row.id: row for row in await tx.execute(select(*columns).where(import_.c.id.in_(ids)))}
    changes: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)  # by the columns that change
    unexplained = [
        import_id
        for import_id, of_parts in sums.items()
        if status_of(of_parts.states) is ImportStatus.FAILED and stored[import_id].error_code is None
    ]
    errors = await _first_errors(tx, unexplained) if unexplained else {}
    for lock in locks:
        values = _refreshed(tx, lock, sums[lock.import_id], stored[lock.import_id], at)
        values |= errors.get(lock.import_id, {})
        changes[tuple(values)].append({_new(name): value for name, value in values.items()} | {_OF: lock.import_id})
    for names, rows in changes.items():
        await tx.execute(_update_of(names), rows)


_OF = "of_import"


def _new(name: str) -> str:
    return f"new_{name}"


@cache
def _update_of(names: tuple[str, ...]) -> Update:
    """Set these columns of an import; built once, as building it costs more than SQLite needs for it."""
    values = {name: bindparam(_new(name), type_=import_.c[name].type) for name in names}
    return update(import_).where(import_.c.id == bindparam(_OF)).values(values)


@dataclass(slots=True)
class _Sums:
    """Of one import's parts."""

    states: Counter[PartState] = field(default_factory=Counter)
    imported: int = 0
    failed: int = 0
    warned: int = 0

    def add(self, state: PartState, parts: int, imported: int, failed: int, warned: int) -> None:
        self.states[state] = parts
        self.imported += int(imported)
        self.failed += int(failed)
        self.warned += int(warned)


def _refreshed(tx: Transaction, lock: ImportLock, sums: _Sums, stored: Any, at: datetime | None) -> dict[str, Any]:
    """The columns of an import that follow from its parts."""
    status = status_of(sums.states)
    values: dict[str, Any] = {"status": status, "imported": sums.imported, "failed": sums.failed, "warned": sums.warned}
    if (
        at
        and status is not ImportStatus.QUEUED
        and stored.started_at is None
        and sums.states.keys() - {PartState.CANCELLED}
    ):
        values["started_at"] = at
        counters.observe(tx, lock.instance, counters.WAITED, since=stored.touched_at, until=at)
    if at and status in FINISHED and stored.finished_at is None:
        tx.ended.setdefault(lock, at)
    return values


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an import whose parts have all ended, and when its work was done."""

    status: ImportStatus
    imported: int
    failed: int
    warned: int
    accepted_at: datetime
    started_at: datetime | None  # None where nothing of it was ever sent

    @property
    def facts(self) -> dict[str, object]:
        """What the history says of the end."""
        return {"status": self.status, "imported": self.imported, "failed": self.failed, "warned": self.warned}


async def finish(tx: Transaction, locks: Sequence[ImportLock], *, at: datetime) -> dict[int, Outcome]:
    """Note when imports finished; what came of each, by its id. Only the finish step calls this (app/pipeline)."""
    columns = (import_.c.status, import_.c.imported, import_.c.failed, import_.c.warned)
    times = (import_.c.touched_at, import_.c.started_at)
    theirs = import_.c.id.in_([lock.import_id for lock in locks])
    finished = (
        update(import_)
        .where(theirs)
        .values(finished_at=at, review_until=None)
        .returning(import_.c.id, *columns, *times)
    )
    return {import_id: Outcome(ImportStatus(status), *rest) for import_id, status, *rest in await tx.execute(finished)}


async def _first_errors(tx: AsyncConnection, import_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The columns of the error of each import's first part that has one, by import."""
    has_one = (part.c.import_id.in_(import_ids), part.c.error_code.is_not(None))
    first = select(part.c.import_id, func.min(part.c.number)).where(*has_one).group_by(part.c.import_id)
    columns = (part.c.error_code, part.c.error_message, part.c.error_marketo_code)
    rows = select(part.c.import_id, *columns).where(*has_one, tuple_(part.c.import_id, part.c.number).in_(first))
    return {
        import_id: dict(zip((each.name for each in columns), error, strict=True))
        for import_id, *error in await tx.execute(rows)
    }
