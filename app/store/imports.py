"""Imports: receiving, accepting, reading; and the sums over their parts, kept where lists and filters need them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.events import Occurrence
from app.domain.imports import (
    FINISHED,
    Format,
    Import,
    LeftOut,
    OnUnconfirmed,
    Preflight,
    Remaining,
    Request,
    SourceFile,
    Status,
    status_of,
)
from app.domain.lifecycle import State
from app.domain.objects import fields_of, target_of, target_parameters
from app.domain.parts import Failure, Part, Rows
from app.store import attention, counters, events
from app.store.tables import import_, instance, part
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
    stored = (await tx.execute(select(*SHOWN).where(import_.c.id == lock.import_id))).one()
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


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What a step has to know of the import whose part it has in hand."""

    request: Request
    columns: tuple[str, ...]
    status: Status
    cancel_requested_at: datetime | None
    file_erased_at: datetime | None
    results_erased_at: datetime | None


async def get_summary(tx: AsyncConnection, import_id: int) -> ImportSummary | None:
    """None where there is no such import; an upload that is not accepted yet is none."""
    accepted = select(import_).where(import_.c.id == import_id, import_.c.status.is_not(None))
    row = (await tx.execute(accepted)).one_or_none()
    if row is None:
        return None
    return ImportSummary(
        _request(row),
        tuple(row.columns),
        Status(row.status),
        row.cancel_requested_at,
        row.file_erased_at,
        row.results_erased_at,
    )


async def summary_of(tx: AsyncConnection, of: Part) -> ImportSummary:
    """That of a part's import: a part that moves belongs to an accepted import."""
    summary = await get_summary(tx, of.import_id)
    assert summary is not None, "the import of a part that moves is accepted"
    return summary


async def has_results(tx: AsyncConnection, import_id: int) -> bool:
    """False once they are erased."""
    found = select(import_.c.id).where(import_.c.id == import_id, import_.c.results_erased_at.is_(None))
    return (await tx.execute(found)).one_or_none() is not None


SHOWN: list[Any] = [column for column in import_.c if column is not import_.c.columns]
"""What a list shows of an import."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What GET /v1/imports can be narrowed by; None leaves a column alone."""

    status: Status | None = None
    instance: str | None = None
    object_type: str | None = None
    client: str | None = None
    label: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    attention: bool | None = None


async def columns_of(tx: AsyncConnection, import_id: int) -> tuple[str, ...]:
    """What the file's columns are called: the one thing about an import that may be large, and no list shows."""
    found = await tx.execute(select(import_.c.columns).where(import_.c.id == import_id))
    return tuple(found.scalar_one_or_none() or ())


async def get(tx: AsyncConnection, import_id: int, *, by: attention.AttentionCriteria) -> Import | None:
    found = await _read(tx, [import_.c.id == import_id], 1, by)
    return found[0] if found else None


async def page(
    tx: AsyncConnection, filters: Filters, *, before: int | None, size: int, by: attention.AttentionCriteria
) -> list[Import]:
    """Imports newest first, beginning behind the id `before`."""
    plain = ("status", "instance", "object_type", "client", "label")
    wanted: list[ColumnElement[bool]] = [
        import_.c[name] == value for name in plain if (value := getattr(filters, name)) is not None
    ]
    if filters.created_after:
        wanted.append(import_.c.created_at > filters.created_after)
    if filters.created_before:
        wanted.append(import_.c.created_at < filters.created_before)
    if filters.attention is not None:
        needs = await attention.needed(tx, by)
        wanted.append(needs if filters.attention else ~needs)
    if before is not None:
        wanted.append(import_.c.id < before)
    return await _read(tx, wanted, size, by)


async def _read(
    tx: AsyncConnection, wanted: list[ColumnElement[bool]], size: int, by: attention.AttentionCriteria
) -> list[Import]:
    found = (
        await tx.execute(
            select(*[*SHOWN, instance.c.blocked_at, instance.c.blocked_reason])
            .join(instance, instance.c.name == import_.c.instance)
            .where(import_.c.status.is_not(None), *wanted)
            .order_by(import_.c.id.desc())
            .limit(size)
        )
    ).all()
    parts = await attention.parts_of(tx, [row.id for row in found], by)
    queued_long = {row.instance for row in found if parts[row.id].queued_since}
    still = {name for name in sorted(queued_long) if not await attention.moves(tx, name, by)}
    return [_as_import(row, parts[row.id], at_a_standstill=row.instance in still) for row in found]


def _as_import(row: Row[Any], parts: attention.Parts, *, at_a_standstill: bool) -> Import:
    error = Failure(row.error_code, row.error_message, row.error_marketo_code) if row.error_code else None
    return Import(
        id=row.id,
        request=_request(row),
        status=Status(row.status),
        file=SourceFile(row.file_name, row.file_bytes, row.file_sha256, row.rows, row.ragged_rows),
        rows=Rows(row.rows, row.imported, row.failed, row.warned),
        parts=parts.states,
        remaining=Remaining(parts.accepted_seq, parts.waiting_rows, parts.collecting_since, parts.failing_since),
        attention=attention.of(row, parts, at_a_standstill=at_a_standstill),
        error=error,
        cancel_requested_at=row.cancel_requested_at,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        retry_of=row.retry_of,
        results_erased_at=row.results_erased_at,
        left_out=LeftOut(**row.left_out) if row.left_out else None,
    )


def _request(row: Row[Any]) -> Request:
    return Request(
        target=target_of(row.object_type, {name: getattr(row, name) for name in target_parameters()}),
        instance=row.instance,
        client=row.client,
        format=Format(row.format),
        charset=row.charset,
        priority=row.priority,
        not_before=row.not_before,
        preflight=Preflight(row.preflight),
        on_unconfirmed=OnUnconfirmed(row.on_unconfirmed),
        label=row.label,
        metadata=row.metadata,
        file_name=row.file_name,
    )
