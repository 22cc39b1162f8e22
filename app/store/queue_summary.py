"""Counts for status pages and metrics. A query reads unfinished parts or one day of imports, never all of history."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.imports import FINISHED, ImportStatus, waiting_since
from app.domain.incidents import PART_SECONDS
from app.domain.lifecycle import FINAL, HOLDING_SLOT, JobState, PartState
from app.domain.timeouts import DENIALS
from app.store import part_rows, waiting_queue
from app.store.tables import IS_UNFINISHED, WAITING, import_, job, part

TURN_SECONDS = 5  # a part whose time to be tried again has come is tried within this time, if a slot is free
MOST_FAILING = 200  # failing parts that are read
SENT = [state for state in PartState if state not in FINAL and state is not PartState.WAITING]  # and not finished


@dataclass(frozen=True, slots=True)
class Failing:
    """A part about which calls to Marketo have failed for a while."""

    import_id: int
    number: int
    code: str
    since: datetime


@dataclass(slots=True)
class QueueSummary:
    """An instance's parts that have not finished, and its jobs."""

    parts: dict[PartState, int] = field(default_factory=lambda: defaultdict(int))
    jobs: dict[JobState, int] = field(default_factory=lambda: defaultdict(int))  # those that hold a slot
    waiting_rows: int = 0
    review_parts: int = 0  # parts of imports under review: they wait for a person, and are not among those that wait
    waiting_since: datetime | None = None  # the longest
    importing_since: datetime | None = None  # the longest
    unknown_at_marketo: int = 0  # parts whose job Marketo denies knowing
    failing: list[Failing] = field(default_factory=list)  # the longest first, MOST_FAILING at most in all

    @property
    def waiting_parts(self) -> int:
        return self.parts.get(PartState.WAITING, 0)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The waiting parts of an instance, and the rows in those that stand in line."""

    parts: int
    review_parts: int
    rows: int


async def waiting(tx: AsyncConnection) -> dict[str, Waiting]:
    """By instance, where any part waits: each of these parts is counted, in an index."""
    has_place = part_rows.STANDS_IN_LINE
    counted = (
        select(
            part.c.instance,
            func.count().filter(has_place).label("parts"),
            func.count().filter(~has_place).label("review_parts"),
            func.sum(part.c.rows).filter(has_place).label("rows"),
        )
        .where(part.c.state == WAITING)
        .group_by(part.c.instance)
    )
    return {row.instance: Waiting(row.parts, row.review_parts, int(row.rows or 0)) for row in await tx.execute(counted)}


async def summaries(tx: AsyncConnection, waits: Mapping[str, Waiting], *, now: datetime) -> dict[str, QueueSummary]:
    """The unfinished parts of each instance that has any, by its name. `waits`: what `waiting` has counted."""
    result: dict[str, QueueSummary] = defaultdict(QueueSummary)
    sent = (
        select(
            part.c.instance,
            part.c.state,
            func.count().label("parts"),
            func.count().filter(part.c.denials >= DENIALS).label("denied"),
            func.min(part.c.state_since).label("since"),
        )
        .where(part.c.state.in_(SENT))
        .group_by(part.c.instance, part.c.state)
    )
    for row in await tx.execute(sent):
        summary, state = result[row.instance], PartState(row.state)
        summary.parts[state] = row.parts
        summary.unknown_at_marketo += row.denied
        if state is PartState.IMPORTING:
            summary.importing_since = row.since
    there = select(job.c.instance, job.c.state, func.count().label("jobs")).where(job.c.state.in_(HOLDING_SLOT))
    for row in await tx.execute(there.group_by(job.c.instance, job.c.state)):
        result[row.instance].jobs[JobState(row.state)] = row.jobs
    for name, waits_there in waits.items():
        summary = result[name]
        summary.parts[PartState.WAITING], summary.waiting_rows = waits_there.parts, waits_there.rows
        summary.review_parts = waits_there.review_parts
        summary.waiting_since = await _waiting_since(tx, name, now=now)
    for name, failing in await _failing(tx, now=now):
        result[name].failing.append(failing)
    return result


async def _failing(tx: AsyncConnection, *, now: datetime) -> list[tuple[str, Failing]]:
    """(instance, part) of those about which calls fail; not of those that wait for a slot to be tried again."""
    tried = (part.c.state != PartState.WAITING) | (part.c.due_at > now - timedelta(seconds=TURN_SECONDS))
    rows = await tx.execute(
        select(part.c.instance, part.c.import_id, part.c.number, part.c.last_error_code, part.c.failing_since)
        .where(part.c.failing_since <= now - timedelta(seconds=PART_SECONDS), tried)
        .order_by(part.c.failing_since)
        .limit(MOST_FAILING)
    )
    return [(row.instance, Failing(row.import_id, row.number, row.last_error_code, row.failing_since)) for row in rows]


async def _waiting_since(tx: AsyncConnection, instance: str, *, now: datetime) -> datetime | None:
    """Since when the first import in the queue has waited: its acceptance or release, or the time that it names."""
    first = (
        select(part.c.import_id)
        .where(*waiting_queue.waiting_in_order(instance, now=now))
        .order_by(part.c.turn, part.c.number)
        .limit(1)
    )
    times = (import_.c.created_at, import_.c.released_at, import_.c.not_before)
    row = (await tx.execute(select(*times).where(import_.c.id == first.scalar_subquery()))).one_or_none()
    return waiting_since(*row) if row else None


async def finished_imports(tx: AsyncConnection, *, since: datetime) -> dict[ImportStatus, int]:
    """How many imports have finished since then, by status."""
    # not by GROUP BY: SQLite would read all of history, since one of its indexes is in the order of the status
    recent = [func.count().filter(import_.c.status == status).label(status) for status in FINISHED]
    row = (await tx.execute(select(*recent).where(import_.c.finished_at >= since))).one()
    return {status: getattr(row, status) for status in FINISHED}


async def unfinished_imports(tx: AsyncConnection) -> dict[str, dict[ImportStatus, int]]:
    """How many imports are unfinished, by instance and status."""
    result: dict[str, dict[ImportStatus, int]] = defaultdict(lambda: defaultdict(int))
    by_index = (import_.c.status, import_.c.client, import_.c.instance)  # in its order: nothing has to be sorted
    counted = select(*by_index, func.count().label("imports")).where(IS_UNFINISHED).group_by(*by_index)
    for row in await tx.execute(counted):
        result[row.instance][ImportStatus(row.status)] += row.imports
    return result


async def rows_per_second(tx: AsyncConnection, *, now: datetime) -> dict[str, float]:
    """By instance: rows per second of the imports that finished in the last hour."""
    complete = import_.c.status == ImportStatus.COMPLETE  # as a filter: else SQLite would read all complete imports
    rows = await tx.execute(
        select(
            import_.c.instance,
            func.sum(import_.c.imported + import_.c.failed).filter(complete).label("rows"),
            func.min(import_.c.started_at).filter(complete).label("first"),
            func.max(import_.c.finished_at).filter(complete).label("last"),
        )
        .where(import_.c.finished_at >= now - timedelta(hours=1))
        .group_by(import_.c.instance)
    )
    return {
        row.instance: round(int(row.rows) / seconds, 1)
        for row in rows
        if row.first and (seconds := (row.last - row.first).total_seconds()) > 0
    }
