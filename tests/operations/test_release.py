"""Releasing an import from its review: whoever did it stands in the event, and its place is that of the release."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.errors import NotFound, WrongState
from app.domain.failpoints import no_op
from app.notify.wakeup import Wakeup
from app.operations.cancel import EXPIRED_AT_ONCE, Cancel
from app.operations.release import Release
from app.store import blockers, jobs, waiting_queue
from app.store.database import Database
from app.store.parts import Stale
from app.store.tables import event, part
from tests.operations.people import events_by
from tests.store.seed import AT, an_import, parts_of
from tests.support.clock import SteppedClock

WEEK = timedelta(days=7)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(AT)


@pytest.fixture
def release(db: Database, clock: SteppedClock) -> Release:
    return Release(db=db, now=clock, wakeup=Wakeup(), hit=no_op)


async def test_the_event_says_who_released_it_and_is_its_place_in_the_order(db: Database, release: Release):
    """Of all its parts."""
    import_id = await an_import(db, parts_count=2, review_until=AT + WEEK)
    assert [part.accepted_seq for part in await parts_of(db, import_id)] == [None, None]
    await release.run(import_id, by="cy")
    assert await events_by(db, "cy") == [("released", {"by": "cy"})]
    async with db.read() as tx:
        (released,) = (await tx.execute(select(event.c.id).where(event.c.type == "released"))).scalars()
    assert [part.accepted_seq for part in await parts_of(db, import_id)] == [released, released]


async def test_an_import_that_is_not_there_is_not_released(release: Release):
    """As for all that people ask for."""
    with pytest.raises(NotFound):
        await release.run(17, by="cy")


async def test_no_part_under_review_is_chosen_goes_along_goes_first_or_is_claimed(db: Database, clock: SteppedClock):
    """Whoever looks for parts to send sees none of it; and a claim that names one all the same is stale."""
    import_id = await an_import(db, review_until=AT + WEEK)
    (hidden,) = await parts_of(db, import_id)
    (leader,) = await parts_of(db, await an_import(db))
    async with db.write() as tx:
        assert await waiting_queue.heads(tx, "default", below=6) != []
        theirs = await waiting_queue.of_client(tx, "default", priority=5, client="local", limit=9)
        assert [part.id for part in theirs] == [leader.id]
        assert [part.id for part in await waiting_queue.smallest(tx, "default", limit=9)] == [leader.id]
        assert [one.id for one in await waiting_queue.alike(tx, leader, limit=9)] == []
        assert await blockers.before(tx, leader, after=(0, 0), limit=9) == []
        assert await blockers.up_to(tx, leader, (10**9, 9), limit=9) == []
        assert await waiting_queue.waiting_total(tx) == 2
        (slice_,) = await waiting_queue.backlog_slices(tx, "default", now=clock())
        assert slice_.work.parts == 1
        with pytest.raises(Stale):
            await jobs.claim(tx, [hidden.id], slot=1, due_at=AT, at=AT)
        job = await jobs.claim(tx, [leader.id, hidden.id], slot=1, due_at=AT, at=AT)
        assert job.parts == 1


async def test_more_reviews_than_one_transaction_ends_are_all_over(db: Database, clock: SteppedClock):
    """And none whose time is not over yet."""
    over = [await an_import(db, review_until=AT + WEEK) for _ in range(EXPIRED_AT_ONCE + 1)]
    later = await an_import(db, review_until=AT + WEEK + timedelta(seconds=1))
    clock.step(WEEK.total_seconds())
    await Cancel(db=db, now=clock, hit=no_op).what_nobody_released()
    async with db.read() as tx:
        waiting = (await tx.execute(select(part.c.import_id).where(part.c.state == "waiting"))).scalars().all()
        expired = (await tx.execute(select(event.c.import_id).where(event.c.type == "review_expired"))).scalars().all()
    assert (waiting, sorted(expired)) == ([later], over)


async def test_after_its_time_it_is_not_released(db: Database, release: Release, clock: SteppedClock):
    """Also where maintenance has not come by."""
    import_id = await an_import(db, review_until=AT + WEEK)
    clock.step(WEEK.total_seconds())
    with pytest.raises(WrongState, match="is over") as refusal:
        await release.run(import_id, by="cy")
    assert refusal.value.code == "nothing_to_release"
