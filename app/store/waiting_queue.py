"""The waiting queue: parts that wait, in the order in which they may go."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, UnaryExpression, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.estimates import BacklogSlice, Work
from app.domain.imports import waiting_since
from app.domain.parts import Part
from app.store.part_rows import STANDS_IN_LINE, as_part, due
from app.store.tables import WAITING, import_, part

STRETCHES = 300  # into which the order of acceptance is cut: a list shows 200 imports


async def clients(tx: AsyncConnection, instance_name: str) -> tuple[int | None, list[str]]:
    """(the highest priority that may go now, the clients who have parts of it); it costs as many looks as clients."""
    top = await _highest(tx, instance_name)
    return top, [] if top is None else await _clients_of(tx, instance_name, top)


async def _highest(tx: AsyncConnection, instance_name: str, *, below: int | None = None) -> int | None:
    conditions = [*_may_go(instance_name), *([] if below is None else [part.c.priority < below])]
    rows = await tx.execute(select(part.c.priority).where(*conditions).order_by(part.c.priority.desc()).limit(1))
    return rows.scalar_one_or_none()


async def _clients_of(tx: AsyncConnection, instance_name: str, priority: int) -> list[str]:
    names: list[str] = []
    while True:
        conditions = [*_may_go(instance_name), part.c.priority == priority]
        conditions += [part.c.client > names[-1]] if names else []
        following = await tx.execute(select(part.c.client).where(*conditions).order_by(part.c.client).limit(1))
        if (client := following.scalar_one_or_none()) is None:
            return names
        names.append(client)


@dataclass(frozen=True, slots=True)
class Head:
    """The part of a client's that goes next of those of one priority."""

    part: Part
    priority: int
    since: datetime  # when its waiting began: with acceptance or release, or at the time that its import names


async def heads(tx: AsyncConnection, instance_name: str, *, below: int) -> list[Head]:
    """Of each client and each lower priority; it costs as many looks as there are of both together."""
    result: list[Head] = []
    priority = await _highest(tx, instance_name, below=below)
    while priority is not None:
        for client in await _clients_of(tx, instance_name, priority):
            first = await of_client(tx, instance_name, priority=priority, client=client, limit=1)
            result += [Head(head, priority, await _waiting_since(tx, head.import_id)) for head in first]
        priority = await _highest(tx, instance_name, below=priority)
    return result


async def _waiting_since(tx: AsyncConnection, import_id: int) -> datetime:
    times = (import_.c.created_at, import_.c.released_at, import_.c.not_before)
    row = (await tx.execute(select(*times).where(import_.c.id == import_id))).one()
    return waiting_since(*row)


async def of_client(tx: AsyncConnection, instance_name: str, *, priority: int, client: str, limit: int) -> list[Part]:
    """A client's parts that wait for nothing but a slot, as far as is known, in the order of acceptance."""
    rows = await tx.execute(
        select(part)
        .where(*_may_go(instance_name), part.c.priority == priority, part.c.client == client)
        .order_by(part.c.turn, part.c.number)
        .limit(limit)
    )
    return [as_part(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Alike:
    """A waiting part that may be in one job with another."""

    id: int
    place: tuple[int, int]  # in the order of acceptance
    rows: int
    size_bytes: int
    blocked_by: int | None


async def alike(tx: AsyncConnection, leader: Part, *, limit: int) -> list[Alike]:
    """Waiting parts that may be in one job with the leader and are not to go later, in the order of acceptance."""
    waiting = (part.c.instance == leader.instance, part.c.state == WAITING, STANDS_IN_LINE)
    same_priority = select(part.c.priority).where(part.c.id == leader.id).scalar_subquery()
    rows = await tx.execute(
        select(part.c.id, part.c.turn, part.c.number, part.c.rows, part.c.bytes, part.c.waits_for)
        .where(*waiting, part.c.alike == leader.alike, part.c.priority == same_priority)
        .where(part.c.due_at.is_(None), part.c.id != leader.id)
        .order_by(part.c.turn, part.c.number)
        .limit(limit)
    )
    return [Alike(row.id, (row.turn, row.number), row.rows, row.bytes, row.waits_for) for row in rows]


async def smallest(tx: AsyncConnection, instance_name: str, *, limit: int) -> list[Part]:
    """The smallest parts that wait for nothing but a slot, whosever they are."""
    rows = await tx.execute(
        select(part).where(*_may_go(instance_name)).order_by(part.c.bytes, part.c.turn, part.c.number).limit(limit)
    )
    return [as_part(row) for row in rows]


async def any_due(tx: AsyncConnection, instance_name: str, *, now: datetime) -> bool:
    return (await tx.execute(select(part.c.id).where(due(instance_name, now)).limit(1))).one_or_none() is not None


async def any_may_go(tx: AsyncConnection, instance_name: str, *, now: datetime) -> bool:
    """Whether a part waits for nothing but a slot, as far as is known."""
    may_go = select(part.c.id).where(*_may_go(instance_name)).limit(1)
    soon = select(part.c.id).where(due(instance_name, now), part.c.waits_for.is_(None)).limit(1)
    rows = [(await tx.execute(query)).one_or_none() for query in (may_go, soon)]
    return any(rows)


async def any_to_try(tx: AsyncConnection, instance_name: str, *, now: datetime) -> bool:
    """Whether a waiting part is sent as soon as a call goes through: not one that waits for another, or for a time."""
    to_try = select(part.c.id).where(*waiting_in_order(instance_name, now=now), part.c.waits_for.is_(None)).limit(1)
    return (await tx.execute(to_try)).one_or_none() is not None


async def backlog_slices(tx: AsyncConnection, instance_name: str, *, now: datetime) -> list[BacklogSlice]:
    """What waits for its turn, summed by priority, client and stretch of the order of acceptance.

    Parts that are not to go before a later time do not stand in line. Each waiting part is summed in an index, in the
    database; what comes back is some hundred sums a client at most.
    """
    first = await _end_of_line(tx, instance_name, part.c.turn.asc())
    last = await _end_of_line(tx, instance_name, part.c.turn.desc())
    if first is None or last is None:
        return []
    stretch = (part.c.turn - first) // (1 + (last - first) // STRETCHES)
    sums = await tx.execute(
        select(
            part.c.priority,
            part.c.client,
            func.min(part.c.turn),
            func.max(part.c.turn),
            func.count(),
            func.sum(part.c.rows),
            func.min(part.c.state_since),
        )
        .where(*waiting_in_order(instance_name, now=now))
        .group_by(stretch, part.c.priority, part.c.client)  # the index has them in about this order
    )
    return [
        BacklogSlice(priority, client, first, last, Work(count, int(rows)), since)
        for priority, client, first, last, count, rows, since in sums
    ]


async def _end_of_line(tx: AsyncConnection, instance_name: str, order: UnaryExpression[int]) -> int | None:
    """The first place in this order of those that wait: from an end of the index, where max() would read all of it."""
    waiting = (part.c.instance == instance_name, part.c.state == WAITING, STANDS_IN_LINE)
    return (await tx.execute(select(part.c.turn).where(*waiting).order_by(order).limit(1))).scalar_one_or_none()


def waiting_in_order(instance_name: str, *, now: datetime) -> list[ColumnElement[bool]]:
    """Waiting parts, but those whose import is under review, or names a later time: they do not stand in line yet."""
    return [
        part.c.instance == instance_name,
        part.c.state == WAITING,
        STANDS_IN_LINE,
        part.c.due_at.is_(None) | (part.c.due_at <= now) | part.c.retry_code.is_not(None),
    ]


async def waiting_total(tx: AsyncConnection) -> int:
    """How many parts wait here, those under review included."""
    return (await tx.execute(select(func.count()).where(part.c.state == WAITING))).scalar_one()


async def waiting_of_client(tx: AsyncConnection, client: str, *, most: int) -> int:
    """How many of its parts wait; counted no further than `most`."""
    counted = select(part.c.id).where(part.c.state == WAITING, part.c.client == client).limit(most).subquery()
    return (await tx.execute(select(func.count()).select_from(counted))).scalar_one()


def _may_go(instance_name: str) -> list[ColumnElement[bool]]:
    return [
        part.c.instance == instance_name,
        part.c.state == WAITING,
        STANDS_IN_LINE,
        part.c.waits_for.is_(None),
        part.c.due_at.is_(None),
    ]
