"""What Marketo has done for us, hour by hour. It reads the jobs of that time by an index, and never all of history."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.dialects import hour_of, seconds_between
from app.store.tables import job

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the clock, in UTC."""

    begins_at: datetime
    imported: int  # rows of jobs that ended in it, as Marketo counted them
    failed: int
    busy_seconds: float  # that importers worked for us, those of all instances together


@dataclass(slots=True)
class _Sums:
    imported: int = 0
    failed: int = 0
    busy_seconds: float = 0.0


async def by_hour(tx: AsyncConnection, *, now: datetime, hours: int) -> list[Hour]:
    """The last hours, oldest first; the last one is the hour that is going on."""
    last = now.replace(minute=0, second=0, microsecond=0)
    begins = [last - HOUR * back for back in reversed(range(hours))]
    sums: dict[datetime, _Sums] = defaultdict(_Sums)
    await _add_ended(tx, sums, since=begins[0])
    for started_at, ended_at in await _across_hours(tx, since=begins[0], now=now):
        for hour, seconds in _spread(max(started_at, begins[0]), ended_at):
            sums[hour].busy_seconds += seconds
    return [Hour(at, sums[at].imported, sums[at].failed, sums[at].busy_seconds) for at in begins]


async def _add_ended(tx: AsyncConnection, sums: dict[datetime, _Sums], *, since: datetime) -> None:
    """Add the rows of all jobs that ended since then; and the time of those that began in the hour they ended in."""
    hour, began_in = hour_of(tx, job.c.finished_at), hour_of(tx, job.c.started_at)
    busy = func.sum(seconds_between(tx, job.c.started_at, job.c.finished_at)).filter(began_in == hour)
    ended = (
        select(
            hour.label("hour"),
            func.sum(job.c.imported).label("imported"),
            func.sum(job.c.failed).label("failed"),
            func.coalesce(busy, 0.0).label("busy"),
        )
        .where(job.c.finished_at >= since)
        .group_by(hour)
    )
    for row in await tx.execute(ended):
        of_hour = sums[datetime.strptime(row.hour, "%Y-%m-%dT%H").replace(tzinfo=UTC)]
        of_hour.imported, of_hour.failed, of_hour.busy_seconds = int(row.imported), int(row.failed), float(row.busy)


async def _across_hours(tx: AsyncConnection, *, since: datetime, now: datetime) -> list[tuple[datetime, datetime]]:
    """(start, end) of the jobs that did not end in the hour they began in, or have not ended: a few each hour."""
    differs = hour_of(tx, job.c.started_at) != hour_of(tx, job.c.finished_at)
    ended = select(job.c.started_at, job.c.finished_at).where(job.c.finished_at >= since, differs)
    running = select(job.c.started_at).where(job.c.state == "importing", job.c.started_at.is_not(None))
    spans = [(row.started_at, row.finished_at) for row in await tx.execute(ended)]
    return spans + [(row.started_at, now) for row in await tx.execute(running)]


def _spread(start: datetime, end: datetime) -> Iterator[tuple[datetime, float]]:
    """The seconds of a span that are in each hour."""
    at = start
    while at < end:
        hour = at.replace(minute=0, second=0, microsecond=0)
        until = min(end, hour + HOUR)
        yield hour, (until - at).total_seconds()
        at = until
