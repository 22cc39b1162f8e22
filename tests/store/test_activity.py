"""What Marketo has done, hour by hour."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from app.store import activity
from app.store.database import Database
from app.store.tables import job
from tests.store.seed import an_import

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


async def ended(db: Database, start: datetime, end: datetime | None, **counts: int) -> None:
    """A job that Marketo worked on from `start` to `end`; None: it still does."""
    row: dict[str, Any] = {
        "instance": "default",
        "state": "complete" if end else "importing",
        "state_since": end or start,
        "slot": None if end else 1,
        "object_type": "lead",
        "parts": 1,
        "imports": 1,
        "rows": 10_000,
        "bytes": 1,
        "attempts": 1,
        "started_at": start,
        "finished_at": end,
    }
    async with db.write() as tx:
        await tx.execute(insert(job).values(row | counts))


async def hours(db: Database, count: int = 3) -> list[tuple[int, int, int, float]]:
    async with db.read() as tx:
        found = await activity.by_hour(tx, now=NOW, hours=count)
    return [(hour.begins_at.hour, hour.imported, hour.failed, round(hour.busy_seconds, 2)) for hour in found]


async def test_rows_count_in_the_hour_in_which_their_job_ended(db: Database):
    """What ended before the first hour is not read."""
    await an_import(db)
    at = NOW.replace(minute=0)
    await ended(db, at - timedelta(minutes=50), at - timedelta(minutes=40), imported=900, failed=100)
    await ended(db, at - timedelta(minutes=30), at - timedelta(minutes=20, seconds=30), imported=50)
    await ended(db, at - timedelta(hours=3), at - timedelta(hours=2, seconds=1), imported=7_000)
    assert await hours(db) == [(12, 0, 0, 0), (13, 950, 100, 1_170.0), (14, 0, 0, 0)]


async def test_the_time_of_a_job_is_spread_over_the_hours_it_took(db: Database):
    """Also that of one which began before the first of them, and of one that still runs."""
    await an_import(db)
    at = NOW.replace(minute=0)
    await ended(db, at - timedelta(hours=4), at - timedelta(minutes=90), imported=1)
    await ended(db, at - timedelta(minutes=10), None)
    assert await hours(db) == [(12, 1, 0, 1_800.0), (13, 0, 0, 600.0), (14, 0, 0, 1_800.0)]


async def test_a_job_that_was_refused_took_no_time_of_an_importer(db: Database):
    await an_import(db)
    async with db.write() as tx:
        await tx.execute(
            insert(job).values(
                instance="default", state="failed", state_since=NOW, object_type="lead", parts=1, imports=1, rows=1,
                bytes=1, attempts=1, finished_at=NOW,
            )
        )  # fmt: skip
    assert await hours(db, 1) == [(14, 0, 0, 0)]
