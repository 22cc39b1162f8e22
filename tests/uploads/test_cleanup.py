"""Cleanup: what a request left is taken back now, or as soon as the database takes that."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from app.store.database import Database
from app.store.tables import import_, part
from app.uploads.cleanup import Cleanup
from tests.store.seed import an_import
from tests.support.clock import SteppedClock


@pytest.fixture
def cleanup(db: Database, clock: SteppedClock) -> Cleanup:
    return Cleanup(db, clock, disk_floor_bytes=0)


class AwayFor:
    """A database that refuses so many tries before it takes one."""

    def __init__(self, failures: int) -> None:
        self.failures, self.tries = failures, 0

    async def take_back(self) -> None:
        self.tries += 1
        if self.tries <= self.failures:
            raise OperationalError("DELETE", {}, Exception("disk is full"))


async def upload(db: Database) -> int:
    """One that did not become an import."""
    import_id = await an_import(db, parts_count=3)
    async with db.write() as tx:
        await tx.execute(text(f"UPDATE import SET status = NULL WHERE id = {import_id}"))
    return import_id


async def left(db: Database) -> tuple[int, int]:
    async with db.read() as tx:
        imports = (await tx.execute(select(func.count()).select_from(import_))).scalar_one()
        return imports, (await tx.execute(select(func.count()).select_from(part))).scalar_one()


async def test_an_upload_is_taken_away_with_its_parts_and_no_other_is(db: Database, cleanup: Cleanup):
    """To do it twice is no mistake."""
    accepted, other, given_up = await an_import(db), await upload(db), await upload(db)
    for _ in range(2):
        await cleanup.take_back_upload(given_up)
    assert await left(db) == (2, 4)
    await cleanup.take_back_upload(accepted)
    assert await left(db) == (2, 4), "an import is never taken away"
    await cleanup.take_back_upload(other)
    assert await left(db) == (1, 1)


async def test_what_the_database_does_not_take_is_tried_again(cleanup: Cleanup):
    """Until it does; then nothing is left."""
    away = AwayFor(failures=2)
    await cleanup.take_back("a request", away.take_back)
    assert away.tries == 1
    assert not await cleanup.again()
    assert await cleanup.again()
    assert await cleanup.again(), "there is nothing left to be tried"
    assert away.tries == 3


async def test_two_requests_do_not_replace_each_other(cleanup: Cleanup):
    """Each is known by its key."""
    first, second = AwayFor(failures=1), AwayFor(failures=1)
    await cleanup.take_back("first", first.take_back)
    await cleanup.take_back("second", second.take_back)
    assert await cleanup.again()
    assert (first.tries, second.tries) == (2, 2)


async def test_a_mistake_that_is_not_the_databases_is_raised(cleanup: Cleanup):
    """It would only come again and again."""

    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await cleanup.take_back("a request", broken)
    assert await cleanup.again()


async def test_the_duty_begins_as_soon_as_something_is_left(cleanup: Cleanup):
    """It waits for that, and not for a time."""
    taken = asyncio.Event()

    duty = asyncio.create_task(cleanup.run())
    await asyncio.sleep(0)
    away = AwayFor(failures=1)

    async def noted() -> None:
        await away.take_back()
        taken.set()

    await cleanup.take_back("a request", noted)
    await asyncio.wait_for(taken.wait(), 10)
    assert away.tries == 2
    duty.cancel()
    with suppress(asyncio.CancelledError):
        await duty
