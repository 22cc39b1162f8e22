"""Candidates: in which order the waiting parts are tried."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.scheduling.candidates import Candidate, Candidates
from app.store.database import Database
from app.store.tables import import_, part
from tests.store.seed import an_import, parts_of
from tests.support.clock import SteppedClock


@pytest.fixture
def candidates(db: Database, clock: SteppedClock) -> Candidates:
    return Candidates(db, clock)


async def in_order(candidates: Candidates, *, smallest_first: bool = False) -> list[Candidate]:
    return [candidate async for candidate in candidates.in_order("default", smallest_first=smallest_first)]


async def imports_in_order(candidates: Candidates, *, smallest_first: bool = False) -> list[int]:
    return [candidate.part.import_id for candidate in await in_order(candidates, smallest_first=smallest_first)]


async def test_only_the_highest_priority_goes_in_the_order_of_acceptance(db: Database, candidates: Candidates):
    """What is lower waits, and what is in another instance does not matter."""
    assert await in_order(candidates) == []
    await an_import(db, priority=1)
    first, second = await an_import(db, priority=5), await an_import(db, priority=5)
    await an_import(db, priority=9, instance="other")
    assert await imports_in_order(candidates) == [first, second]


async def test_clients_take_turns_by_the_rows_that_went_for_each(db: Database, candidates: Candidates):
    """Whoever has sent least is tried first."""
    big, small = await an_import(db, client="a", rows=30, parts_count=2), await an_import(db, client="b", rows=3)
    first, *_ = await in_order(candidates)
    assert first.part.import_id == big, "both are level, and this one comes first by name"
    candidates.count(first)
    assert await imports_in_order(candidates) == [small, big, big]


async def test_where_others_fill_the_queue_the_smallest_part_is_tried(db: Database, candidates: Candidates):
    """Whatever its priority: it is most likely sent for nothing."""
    large, small = await an_import(db, priority=9), await an_import(db, priority=0)
    (part_of_large,) = await parts_of(db, large)
    async with db.write() as tx:
        await tx.execute(update(part).where(part.c.id == part_of_large.id).values(bytes=9))
    assert await imports_in_order(candidates, smallest_first=True) == [small, large]


async def test_what_has_waited_for_an_hour_for_each_step_of_priority_gets_one_job_of_four(
    db: Database, clock: SteppedClock, candidates: Candidates
):
    """Every fourth part goes by its age, as long as there is one that has risen so high."""
    old = await an_import(db, priority=4)
    async with db.write() as tx:
        await tx.execute(update(import_).values(created_at=clock() - timedelta(hours=1)))
    new = await an_import(db, priority=5, parts_count=8)
    went = []
    for _ in range(5):
        candidate, *_ = await in_order(candidates)
        candidates.count(candidate)
        went.append((candidate.part.import_id, candidate.by_age))
    assert went == [(new, False), (new, False), (new, False), (old, True), (new, False)]


async def test_a_part_that_has_not_waited_long_enough_does_not_rise(
    db: Database, clock: SteppedClock, candidates: Candidates
):
    """An hour for one step, two for two."""
    await an_import(db, priority=3)
    async with db.write() as tx:
        await tx.execute(update(import_).values(created_at=clock() - timedelta(hours=1)))
    new = await an_import(db, priority=5)
    for _ in range(5):
        candidate, *_ = await in_order(candidates)
        candidates.count(candidate)
        assert (candidate.part.import_id, candidate.by_age) == (new, False)
