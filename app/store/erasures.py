"""Erasures: take uploaded rows, results and whole finished imports away, a few rows in each transaction.

An import is marked first, with an event: from that commit on nobody reads what is marked. Then its rows are deleted, a
few in each step. If the process dies in between, the mark stays, and another process goes on.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.events import Occurrence
from app.domain.imports import Content
from app.store import events, jobs, parts
from app.store.imports import LOCKED
from app.store.tables import data_key, event, import_, part, part_file, result_file, result_reason, result_row
from app.store.transaction import ImportLock, Transaction

IMPORTS_AT_ONCE = 100
PARTS_AT_ONCE = 500  # of imports that are deleted with their history
FILES_AT_ONCE = 10  # each is at most 10 MB
ROWS_AT_ONCE = 2_000
ERASED_TEXT = "Marketo's words are erased, as its results are."


ERASED_AT = {Content.FILE: import_.c.file_erased_at, Content.RESULTS: import_.c.results_erased_at}
"""The column that says when each kind of content was marked."""


async def mark(tx: Transaction, lock: ImportLock, *, at: datetime, by: str) -> None:
    """Mark a finished import's file and results, and overwrite what Marketo said about it in its own words."""
    await _mark(tx, [lock], set(Content), at=at, by=by)
    await parts.forget_words(tx, lock.import_id, instead=ERASED_TEXT)
    await jobs.forget_words(tx, lock.import_id, instead=ERASED_TEXT)
    words = (import_.c.id == lock.import_id, import_.c.error_message.is_not(None))
    await tx.execute(update(import_).where(*words).values(error_message=ERASED_TEXT))


async def mark_old(tx: Transaction, *, content: Content, finished_before: datetime, at: datetime, by: str) -> bool:
    """Mark such content of the oldest imports that have it, IMPORTS_AT_ONCE at most. False: none of that age has it."""
    old = (
        select(*LOCKED)
        .where(import_.c.finished_at < finished_before, ERASED_AT[content].is_(None))
        .order_by(import_.c.finished_at)
        .limit(IMPORTS_AT_ONCE)
        .with_for_update(key_share=True, skip_locked=True)
    )
    locks = [tx.lock(*row) for row in await tx.execute(old)]
    await _mark(tx, locks, {content}, at=at, by=by)
    return bool(locks)


async def due(tx: AsyncConnection, content: Content | None, *, finished_before: datetime) -> tuple[int, int]:
    """(how many finished imports would lose such content now, how many have it); for None, the imports themselves."""
    has_content = import_.c.finished_at.is_not(None) if content is None else ERASED_AT[content].is_(None)
    old = func.count().filter(import_.c.finished_at < finished_before)
    rows = await tx.execute(select(old, func.count()).where(import_.c.finished_at.is_not(None), has_content))
    row = rows.one()
    return row[0], row[1]


async def _mark(tx: Transaction, locks: Sequence[ImportLock], contents: set[Content], *, at: datetime, by: str) -> None:
    of_import = {lock.import_id: lock for lock in locks}
    erased_at = select(import_.c.id, *ERASED_AT.values()).where(import_.c.id.in_(of_import))
    for row in (await tx.execute(erased_at.order_by(import_.c.id))).all():
        new = [content for content in sorted(contents) if getattr(row, ERASED_AT[content].name) is None]
        if new:
            values = {ERASED_AT[content].name: at for content in new}
            await tx.execute(update(import_).where(import_.c.id == row.id).values(values | {"erasing": True}))
            await events.append_of(tx, of_import[row.id], Occurrence.ERASED, at=at, what=new, by=by)


async def go_on(tx: Transaction, import_id: int | None = None) -> bool:
    """Delete a few rows of what is marked, of one import or of any. False: nothing that is marked is left.

    Without an import, those that another worker is erasing at the moment are passed over.
    """
    marked = select(import_.c.id).where(import_.c.erasing.is_(True)).order_by(import_.c.id).limit(IMPORTS_AT_ONCE)
    if import_id is not None:
        marked = marked.where(import_.c.id == import_id)
    marked = marked.with_for_update(key_share=True, skip_locked=import_id is None)
    ids = list((await tx.execute(marked)).scalars())
    for step in _steps(ids):
        if (await tx.execute(step)).rowcount:
            return True
    await tx.execute(update(import_).where(import_.c.id.in_(ids)).values(erasing=False))
    return bool(ids)


def _steps(ids: Sequence[int]) -> list[Any]:
    """The statements that delete a few rows each of what is marked.

    Data keys go first: from then on nobody can read what they sealed. A job's goes with the results of any of its
    imports, as its result files do. Then files, result files, result rows and the counts of their reasons.
    """
    no_file = select(part.c.id).join(import_).where(import_.c.id.in_(ids), import_.c.file_erased_at.is_not(None))
    no_results = select(import_.c.id).where(import_.c.id.in_(ids), import_.c.results_erased_at.is_not(None))
    results_of = select(part.c.job_id).where(part.c.import_id.in_(no_results))
    erased_files = select(import_.c.id).where(import_.c.id.in_(ids), import_.c.file_erased_at.is_not(None))
    of_files = (data_key.c.import_id.in_(erased_files), data_key.c.content == Content.FILE)
    of_results = (data_key.c.import_id.in_(no_results), data_key.c.content == Content.RESULTS)
    of_jobs = (data_key.c.job_id.in_(results_of),)
    return [
        *(
            _delete_some(data_key, select(data_key.c.id).where(*which), ROWS_AT_ONCE)
            for which in (of_files, of_results, of_jobs)
        ),
        _delete_some(part_file, select(part_file.c.part_id).where(part_file.c.part_id.in_(no_file)), FILES_AT_ONCE),
        _delete_some(
            result_file, select(result_file.c.job_id).where(result_file.c.job_id.in_(results_of)), FILES_AT_ONCE
        ),
        *(
            _delete_some(table, select(table.c.id).where(table.c.import_id.in_(no_results)), ROWS_AT_ONCE)
            for table in (result_row, result_reason)
        ),
    ]


def _delete_some(table: Table, keys: Select[Any], most: int) -> Any:
    key = next(iter(table.primary_key.columns))
    return delete(table).where(key.in_(keys.limit(most)))


async def forget(tx: Transaction, *, finished_before: datetime, at: datetime, by: str) -> bool:
    """Delete the oldest imports whose contents are erased, with their parts and history. False: there is none."""
    parts_count = select(func.count()).where(part.c.import_id == import_.c.id).scalar_subquery()
    old = (
        select(*LOCKED, parts_count.label("parts"))
        .where(
            import_.c.finished_at < finished_before,
            import_.c.file_erased_at.is_not(None),
            import_.c.results_erased_at.is_not(None),
            import_.c.erasing.is_(False),
        )
        .order_by(import_.c.finished_at)
        .limit(IMPORTS_AT_ONCE)
        .with_for_update(skip_locked=True, of=import_)
    )
    gone = _as_many_as_fit((await tx.execute(old)).all())
    for row in gone:
        tx.lock(row.id, row.instance, row.client, row.request_id)
    await tx.execute(delete(import_).where(import_.c.id.in_([row.id for row in gone])))
    for name, count in Counter(row.instance for row in gone).items():
        await events.append(tx, Occurrence.FORGOTTEN, at=at, instance=name, imports=count, by=by)
    return bool(gone)


def _as_many_as_fit(old: Sequence[Any]) -> list[Any]:
    """The first of these imports, as many as have PARTS_AT_ONCE together at most, but one at least."""
    fit: list[Any] = []
    for row in old:
        if fit and sum(import_row.parts for import_row in [*fit, row]) > PARTS_AT_ONCE:
            break
        fit.append(row)
    return fit


async def forget_events(tx: Transaction, *, before: datetime) -> bool:
    """Delete some of the old events that are about an instance and no import. False: there is none."""
    old = select(event.c.id).where(event.c.import_id.is_(None), event.c.at < before)
    return bool((await tx.execute(_delete_some(event, old.order_by(event.c.at), ROWS_AT_ONCE))).rowcount)
