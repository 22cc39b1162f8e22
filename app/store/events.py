"""The history: append-only, one row for each move, written in the transaction that made it.

`data` holds facts about the work (codes, counts, who), never a cell of a file; and so none of Marketo's words, which
might quote one: they stand with the part, and go when its rows are erased, or with its history.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import structlog
from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.events import WARNED, EventType
from app.domain.webhooks import News, webhook_event_of
from app.logs import request_id
from app.store.tables import event, import_
from app.store.transaction import ImportLock, Transaction

log = structlog.get_logger(__name__)

FREE_TEXT = frozenset({"message", "reason", "why"})
"""Told in the history, and in no log line: it is somebody else's words."""


@dataclass(frozen=True, slots=True)
class Event:
    id: int
    at: datetime
    type: str
    part: int | None
    data: Mapping[str, Any]


async def append(
    tx: Transaction,
    type_: EventType,
    *,
    at: datetime,
    instance: str,
    beside: Mapping[str, object] | None = None,
    **data: object,
) -> int:
    """Write one line of an instance's own history; its id. As `append_of`."""
    _tell_endpoints(tx, type_, data, at=at, instance=instance)
    return await _append(tx, type_, {"at": at, "instance": instance}, beside, data)


async def append_of(
    tx: Transaction,
    lock: ImportLock,
    type_: EventType,
    *,
    at: datetime,
    part: int | None = None,
    beside: Mapping[str, object] | None = None,
    **data: object,
) -> int:
    """Write one line of an import's history, and one in the log once it is on disk; its id.

    The import's row is locked: so the ids of its events follow the commits, and whoever has read up to one of them
    never finds another below it later. `beside`: what the log line has beside the event; the id of the request that
    is being answered goes before one that is handed in.
    """
    assert tx.holds(lock), "the lock is another transaction's"
    place = {"at": at, "instance": lock.instance, "import_id": lock.import_id, "part_number": part}
    _tell_endpoints(tx, type_, data, at=at, instance=lock.instance, lock=lock)
    return await _append(tx, type_, place, beside, data)


class Line(NamedTuple):
    """One of several lines that are written together, of the histories of any imports."""

    lock: ImportLock
    part: int | None
    beside: Mapping[str, object]
    data: Mapping[str, object]


async def append_all(
    tx: Transaction, lines: Sequence[Line], type_: EventType, *, at: datetime, ids: Sequence[int] = ()
) -> None:
    """Write these lines in one statement. As `append_of`. `ids`: theirs, where the caller has taken some."""
    assert all(tx.holds(line.lock) for line in lines), "a lock is another transaction's"
    rows = []
    for line in lines:
        place = {"at": at, "instance": line.lock.instance, "import_id": line.lock.import_id, "part_number": line.part}
        rows.append({**place, "type": type_, "data": _known(line.data)})
        _log_later(tx, type_, place, line.beside, line.data)
        _tell_endpoints(tx, type_, line.data, at=at, instance=line.lock.instance, lock=line.lock)
    if ids:
        rows = [{"id": id_, **row} for id_, row in zip(ids, rows, strict=True)]
    if rows:
        await tx.execute(insert(event), rows)


async def _append(
    tx: Transaction,
    type_: EventType,
    place: Mapping[str, object],
    beside: Mapping[str, object] | None,
    data: Mapping[str, object],
) -> int:
    row = {**place, "type": type_, "data": _known(data)}
    inserted = await tx.execute(insert(event).returning(event.c.id), row)
    _log_later(tx, type_, place, beside, data)
    return int(inserted.scalar_one())


def _tell_endpoints(
    tx: Transaction,
    type_: EventType,
    facts: Mapping[str, object],
    *,
    at: datetime,
    instance: str,
    lock: ImportLock | None = None,
) -> None:
    """Have the endpoints of webhooks told by this commit, where the event is for them (store/webhook_deliveries.py)."""
    if event_ := webhook_event_of(type_, facts):
        news = News(event_, instance, lock.import_id if lock else None, lock.client if lock else None)
        tx.news.setdefault(news, at)


def _log_later(
    tx: Transaction,
    type_: EventType,
    place: Mapping[str, object],
    beside: Mapping[str, object] | None,
    data: Mapping[str, object],
) -> None:
    """Write the log's line about an event once it is on disk."""
    facts = _known(data)
    line = {"instance": place["instance"], "import_id": place.get("import_id"), "part": place.get("part_number")}
    line |= {name: value for name, value in facts.items() if name not in FREE_TEXT} | dict(beside or {})
    if answering := request_id():
        line["request_id"] = answering
    write_line = log.warning if type_ in WARNED or facts.get("results_missing") else log.info
    tx.after_commit.append(partial(write_line, str(type_), **_known(line)))


def _known(facts: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


async def page(tx: AsyncConnection, import_id: int, *, after: int, size: int) -> list[Event]:
    """An import's events, oldest first, beginning behind the event with the id `after`."""
    return await _page(tx, [event.c.import_id == import_id], after=after, size=size)


async def page_of_instance(tx: AsyncConnection, name: str, *, after: int, size: int) -> list[Event]:
    """The events of an instance itself, and of no import's, in the same order."""
    return await _page(tx, [event.c.instance == name, event.c.import_id.is_(None)], after=after, size=size)


async def newest_of_instance(tx: AsyncConnection, name: str, *, before: int | None, size: int) -> list[Event]:
    """The same events, newest first, from before the id `before` on."""
    conditions = [event.c.instance == name, event.c.import_id.is_(None)]
    if before is not None:
        conditions.append(event.c.id < before)
    columns = (event.c.id, event.c.at, event.c.type, event.c.part_number, event.c.data)
    rows = await tx.execute(select(*columns).where(*conditions).order_by(event.c.id.desc()).limit(size))
    return [Event(*row) for row in rows]


async def notable(tx: AsyncConnection, import_id: int, types: Collection[EventType], *, most: int) -> list[Event]:
    """The last so many events of these kinds in an import's history, oldest first."""
    rows = await tx.execute(
        select(event.c.id, event.c.at, event.c.type, event.c.part_number, event.c.data)
        .where(event.c.import_id == import_id, event.c.type.in_(types))
        .order_by(event.c.id.desc())
        .limit(most)
    )
    return [Event(*row) for row in rows][::-1]


async def _page(tx: AsyncConnection, of: Sequence[ColumnElement[bool]], *, after: int, size: int) -> list[Event]:
    rows = await tx.execute(
        select(event.c.id, event.c.at, event.c.type, event.c.part_number, event.c.data)
        .where(*of, event.c.id > after)
        .order_by(event.c.id)
        .limit(size)
    )
    return [Event(*row) for row in rows]


async def last_of(tx: AsyncConnection, import_ids: Collection[int], type_: EventType) -> dict[int, datetime]:
    """When such an event was last written into the history of each of these imports; those without are not there."""
    such = (event.c.import_id.in_(import_ids), event.c.type == type_)
    rows = await tx.execute(select(event.c.import_id, func.max(event.c.at)).where(*such).group_by(event.c.import_id))
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True, slots=True)
class Latest:
    """How far an import's history has come."""

    id: int  # of its last event; 0 where there is none
    finished: bool


async def latest(tx: AsyncConnection, import_ids: Collection[int]) -> dict[int, Latest]:
    """One look in the index for each import; an import that is gone is not among them."""
    last = select(func.max(event.c.id)).where(event.c.import_id == import_.c.id).scalar_subquery()
    rows = await tx.execute(
        select(import_.c.id, func.coalesce(last, 0), import_.c.finished_at.is_not(None)).where(
            import_.c.id.in_(import_ids)
        )
    )
    return {import_id: Latest(last_id, bool(finished)) for import_id, last_id, finished in rows}
