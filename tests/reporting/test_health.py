"""Whether the database can be worked with: tried at most once a second, however many ask."""

import asyncio

from sqlalchemy import text

import migrations
from app.reporting.checks import Level
from app.reporting.health import DatabaseProbe
from app.store.database import Database
from tests.support.clock import SteppedClock


def probe(db: Database, clock: SteppedClock, revision: str | None = None) -> DatabaseProbe:
    return DatabaseProbe(db=db, now=clock, revision=revision or migrations.head())


async def test_a_database_that_works_is_ok_with_its_schema(db: Database, clock: SteppedClock):
    """It is read and written to."""
    check = await probe(db, clock).check()
    assert (check.name, check.status) == ("database", Level.OK)
    assert migrations.head() in check.detail


async def test_another_schema_is_down(db: Database, clock: SteppedClock):
    """This version would read or write what is not there."""
    assert (await probe(db, clock, "9999").check()).status is Level.DOWN


async def test_a_database_that_cannot_be_read_is_down(db: Database, clock: SteppedClock):
    """With the reason, and no traceback."""
    async with db.write() as tx:
        await tx.execute(text("ALTER TABLE alembic_version RENAME TO gone"))
    check = await probe(db, clock).check()
    assert check.status is Level.DOWN


async def test_a_result_is_kept_for_a_second(db: Database, clock: SteppedClock):
    """Health checks come often, and from anybody."""
    tried = probe(db, clock)
    first = await tried.check()
    assert await tried.check() is first
    clock.step(0.9)
    assert await tried.check() is first
    clock.step(0.1)
    assert await tried.check() is not first


async def test_many_who_ask_at_once_are_one_trial(db: Database, clock: SteppedClock):
    """The database is not asked more often for that."""
    tried = probe(db, clock)
    results = await asyncio.gather(*(tried.check() for _ in range(5)))
    assert len({id(check) for check in results}) == 1
