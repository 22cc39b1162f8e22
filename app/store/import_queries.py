"""Imports as they are read: one, a page of them, or the little that a step has to know of one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, false, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.formats import Format
from app.domain.imports import (
    Bundle,
    Import,
    ImportStatus,
    LeftOut,
    OnUnconfirmed,
    Preflight,
    Remaining,
    Request,
    SourceFile,
)
from app.domain.objects import target_of, target_parameters
from app.domain.parts import Failure, Part, Rows
from app.store import attention
from app.store.dialects import starts_with
from app.store.parts import Stale
from app.store.tables import import_, instance, part


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What a step has to know of the import whose part it has in hand."""

    request: Request
    columns: tuple[str, ...]
    status: ImportStatus
    cancel_requested_at: datetime | None
    file_erased_at: datetime | None
    results_erased_at: datetime | None
    review_until: datetime | None


async def get_summary(tx: AsyncConnection, import_id: int) -> ImportSummary | None:
    """None where there is no such import; an upload that is not accepted yet is none."""
    accepted = select(import_).where(import_.c.id == import_id, import_.c.status.is_not(None))
    row = (await tx.execute(accepted)).one_or_none()
    if row is None:
        return None
    return ImportSummary(
        _request(row),
        tuple(row.columns),
        ImportStatus(row.status),
        row.cancel_requested_at,
        row.file_erased_at,
        row.results_erased_at,
        row.review_until,
    )


async def summary_of(tx: AsyncConnection, of: Part) -> ImportSummary:
    """That of a part's import: a part that moves belongs to an accepted import."""
    summary = await get_summary(tx, of.import_id)
    assert summary is not None, "the import of a part that moves is accepted"
    return summary


async def summary_of_job(tx: AsyncConnection, job_id: int) -> ImportSummary:
    """That of the import whose part leads a job: target, format and policy are the same for all of its imports.

    Errors: Stale, where the job is over and its parts have left it.
    """
    first = select(part.c.import_id).where(part.c.job_id == job_id).order_by(part.c.turn, part.c.number).limit(1)
    import_id = (await tx.execute(first)).scalar_one_or_none()
    if import_id is None:
        raise Stale(f"job {job_id} is over")
    summary = await get_summary(tx, import_id)
    assert summary is not None, "the imports of a job are accepted"
    return summary


async def traces_of(tx: AsyncConnection, ids: Collection[int]) -> Mapping[int, str]:
    """By import: the trace context of the request that made it, where one was kept."""
    traced = select(import_.c.id, import_.c.traceparent).where(
        import_.c.id.in_(ids), import_.c.traceparent.is_not(None)
    )
    return {row.id: row.traceparent for row in await tx.execute(traced)}


async def has_results(tx: AsyncConnection, import_id: int) -> bool:
    """False once they are erased."""
    query = select(import_.c.id).where(import_.c.id == import_id, import_.c.results_erased_at.is_(None))
    return (await tx.execute(query)).one_or_none() is not None


MOST_NAMED = 1_000  # imports that are read one by one because their file's name begins so
MANY = 100_000  # imports that an index counts in a moment, and that a list may have to pass over
SHOWN: list[Any] = [column for column in import_.c if column is not import_.c.columns]
"""What a list shows of an import."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What GET /v1/imports can be narrowed by; None leaves a column alone."""

    status: ImportStatus | None = None
    instance: str | None = None
    object_type: str | None = None
    client: str | None = None
    label: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    attention: bool | None = None
    file_name: str | None = None  # how it begins


async def columns_of(tx: AsyncConnection, import_id: int) -> tuple[str, ...]:
    """The columns as they went to Marketo: the one thing about an import that may be large, and no list shows."""
    rows = await tx.execute(select(import_.c.columns).where(import_.c.id == import_id))
    return tuple(rows.scalar_one_or_none() or ())


async def get(tx: AsyncConnection, import_id: int, *, by: attention.AttentionCriteria) -> Import | None:
    imports = await _read(tx, [import_.c.id == import_id], 1, by)
    return imports[0] if imports else None


async def each(tx: AsyncConnection, ids: Collection[int], *, by: attention.AttentionCriteria) -> list[Import]:
    """These imports, as far as they are there, newest first."""
    return await _read(tx, [import_.c.id.in_(ids)], len(ids), by)


async def retries_of(
    tx: AsyncConnection, import_id: int, *, most: int, by: attention.AttentionCriteria
) -> list[Import]:
    """The newest imports that were made of rows of this one, newest first."""
    return await _read(tx, [import_.c.retry_of == import_id], most, by)


async def ancestors(tx: AsyncConnection, of: Import, *, most: int) -> list[int]:
    """The imports whose rows these are once more, the first one first: so many at most, as far as they are there."""
    ids: list[int] = []
    next_id = of.retry_of
    while next_id is not None and len(ids) < most:
        ids.append(next_id)
        next_id = (await tx.execute(select(import_.c.retry_of).where(import_.c.id == next_id))).scalar_one_or_none()
    return ids[::-1]


async def last_retries(tx: AsyncConnection, ids: Collection[int]) -> Mapping[int, int]:
    """By import: the id of the last one that was made of its rows; one of which none was made is missing."""
    last = select(import_.c.retry_of, func.max(import_.c.id)).where(import_.c.retry_of.in_(ids))
    return {row[0]: row[1] for row in await tx.execute(last.group_by(import_.c.retry_of))}


async def page(
    tx: AsyncConnection, filters: Filters, *, before: int | None, size: int, by: attention.AttentionCriteria
) -> list[Import]:
    """Imports newest first, beginning behind the id `before`."""
    plain = ("status", "instance", "object_type", "client", "label")
    conditions: list[ColumnElement[bool]] = [
        import_.c[name] == value for name in plain if (value := getattr(filters, name)) is not None
    ]
    if filters.file_name:
        conditions.append(await _named(tx, filters.file_name))
    if filters.created_after or filters.created_before:
        conditions += await _created(tx, filters.created_after, filters.created_before)
    if filters.attention is not None:
        needs = await attention.needed(tx, by)
        conditions.append(needs if filters.attention else ~needs)
    if before is not None:
        conditions.append(import_.c.id < before)
    return await _read(tx, conditions, size, by)


async def under_review(
    tx: AsyncConnection, client: str | None, *, limit: int, now: datetime, by: attention.AttentionCriteria
) -> list[Import]:
    """Imports that a person may still release, of one client or of all: the first ones to expire, newest first.

    They are found by the index of what is under review: few imports are, whatever else there is.
    """
    found = select(import_.c.id).where(import_.c.review_until > now).order_by(import_.c.review_until).limit(limit)
    if client is not None:
        found = found.where(import_.c.client.concat("") == client)  # so no other index is chosen for it
    ids = (await tx.execute(found)).scalars().all()
    return await each(tx, ids, by=by)


async def _created(tx: AsyncConnection, after: datetime | None, before: datetime | None) -> list[ColumnElement[bool]]:
    """The conditions that an import was created between these times, put so that a page costs little.

    The newest are wanted first, and ids are about in the order of the times, but not always: clocks are set. The index
    of the times tells the first and the last id of few that are between, and only what is between these ids is gone
    through. Where many are, and not many are newer, a page is soon full from the newest on.
    """
    between = [import_.c.created_at > after] if after else []
    between += [import_.c.created_at < before] if before else []
    number, first, last = await _ends(tx, between, most=MANY)
    # no index is to be chosen for it: the order of the ids is the one that is wanted
    at = func.coalesce(import_.c.created_at, import_.c.touched_at)
    conditions = ([at > after] if after else []) + ([at < before] if before else [])
    if number == MANY:
        if before is None or (await _ends(tx, [import_.c.created_at >= before], most=MANY))[0] < MANY:
            return conditions
        number, first, last = await _ends(tx, between, most=None)
    return [*conditions, import_.c.id >= first, import_.c.id <= last] if number else [false()]


async def _ends(
    tx: AsyncConnection, conditions: list[ColumnElement[bool]], *, most: int | None
) -> tuple[int, int, int]:
    """(how many imports meet them, counted no further than `most`; the first and the last id), in an index alone."""
    ids = select(import_.c.id).where(*conditions).limit(most).subquery()
    # the number as well: for the two ends alone PostgreSQL would go through all of history by the ids
    counted = await tx.execute(select(func.count(), func.min(ids.c.id), func.max(ids.c.id)).select_from(ids))
    number, first, last = counted.one()
    return number, first, last


async def _named(tx: AsyncConnection, beginning: str) -> ColumnElement[bool]:
    """The condition that a file's name begins so, put so that a page costs little however many names do.

    Few are found by the index of the names. Of many the newest are wanted, which that index does not tell: all imports
    are gone through from the newest on, as far as the other filters let.
    """
    found = select(import_.c.id).where(starts_with(tx, import_.c.file_name, beginning)).limit(MOST_NAMED)
    ids = (await tx.execute(found)).scalars().all()
    if len(ids) < MOST_NAMED:
        return import_.c.id.in_(ids)
    return starts_with(tx, import_.c.file_name.concat(""), beginning)  # so no index is chosen for it


async def _read(
    tx: AsyncConnection, conditions: list[ColumnElement[bool]], size: int, by: attention.AttentionCriteria
) -> list[Import]:
    rows = (
        await tx.execute(
            select(*[*SHOWN, instance.c.blocked_at, instance.c.blocked_reason])
            .join(instance, instance.c.name == import_.c.instance)
            .where(import_.c.status.is_not(None), *conditions)
            .order_by(import_.c.id.desc())
            .limit(size)
        )
    ).all()
    parts = await attention.parts_of(tx, [row.id for row in rows], by)
    queued_long = {row.instance for row in rows if parts[row.id].queued_since}
    still = {name for name in sorted(queued_long) if not await attention.moves(tx, name, by)}
    return [_as_import(row, parts[row.id], at_a_standstill=row.instance in still) for row in rows]


def _as_import(row: Row[Any], parts: attention.Parts, *, at_a_standstill: bool) -> Import:
    error = Failure(row.error_code, row.error_message, row.error_marketo_code) if row.error_code else None
    return Import(
        id=row.id,
        request=_request(row),
        status=ImportStatus(row.status),
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
        review_until=row.review_until,
        released_at=row.released_at,
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
        bundle=Bundle(row.bundle),
        label=row.label,
        metadata=row.metadata,
        column_map=row.column_map,
        review=row.review_until is not None,
        file_name=row.file_name,
    )
