"""Counters that outlive restarts and retention."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from app.domain.lifecycle import Move
from app.operations.erase import Erase, Retention
from app.store import counters, instances, jobs
from app.store.database import Database
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs
from tests.support.clock import SteppedClock


async def counted(db: Database) -> dict[str, dict[str, float]]:
    """By name and label, of the instance `default`."""
    async with db.read() as tx:
        return {name: dict(found["default"]) for name, found in (await counters.everything(tx)).items()}


async def move(db: Database, part_id: int, *moves: Move, at: datetime = AT, **values: int) -> None:
    async with db.write() as tx:
        for how in moves:
            known = {"slot": 1} if how is Move.CLAIM else values if how is Move.COLLECT else {}
            await in_jobs.move(tx, part_id, how, at=at, values=known)


async def test_every_move_and_what_became_of_the_rows_is_counted(db: Database):
    """One part goes to its end, one is cancelled."""
    first, second = await parts_of(db, await an_import(db, parts_count=2))
    await move(db, first.id, Move.CLAIM, Move.ACCEPT, Move.FINISH)
    await move(db, first.id, Move.COLLECT, imported=2, failed=1, warned=1)
    await move(db, second.id, Move.CANCEL)
    found = await counted(db)
    assert found["moves"] == {"claim": 1, "accept": 1, "finish": 1, "collect": 1, "cancel": 1}
    assert found["rows"] == {"imported": 2, "failed": 1, "warned": 1, "unprocessed": 3}
    assert found["finished"] == {"cancelled": 1}


async def a_bundle(db: Database, size: int, *moves: Move) -> None:
    """A job with the parts of so many imports, which makes these moves."""
    ids = [(await parts_of(db, await an_import(db)))[0].id for _ in range(size)]
    async with db.write() as tx:
        job = await jobs.claim(tx, ids, slot=1, due_at=AT, at=AT)
        for how in moves:
            await jobs.move(tx, job.id, how, at=AT, values={"batch_id": 3404} if how is Move.ACCEPT else None)


async def test_jobs_are_counted_when_they_end_by_how_and_by_their_parts(db: Database):
    """Of those that Marketo accepted, all parts but one saved a submission; not where they go again, each alone.

    What Marketo turned away was never a job of its; one whose answer was lost may never have been.
    """
    await a_bundle(db, 3, Move.ACCEPT, Move.FINISH, Move.COLLECT)
    await a_bundle(db, 1, Move.ACCEPT, Move.FAIL)
    await a_bundle(db, 7, Move.ACCEPT, Move.SEPARATE)
    await a_bundle(db, 2, Move.LOSE, Move.RESUBMIT)
    await a_bundle(db, 5, Move.TURN_AWAY)
    await a_bundle(db, 4, Move.ACCEPT, Move.GIVE_UP)
    found = await counted(db)
    assert found["jobs"] == {"complete": 1, "failed": 2, "over": 2}
    assert found["job_parts"] == {"1": 1, "2": 1, "5": 2, "10": 1, "sum": 17}
    assert found["calls_saved"] == {"create": 2 + 3}


async def test_a_transaction_that_is_rolled_back_counts_nothing(db: Database):
    """Neither now nor with the next one on the same connection."""
    (only,) = await parts_of(db, await an_import(db))
    with pytest.raises(ZeroDivisionError):
        async with db.write() as tx:
            await in_jobs.move(tx, only.id, Move.CLAIM, at=AT, values={"slot": 1})
            raise ZeroDivisionError
    assert await counted(db) == {}
    await move(db, only.id, Move.CLAIM)
    assert (await counted(db))["moves"] == {"claim": 1}


async def test_durations_are_counted_by_the_bound_that_they_stay_within(db: Database):
    """From the acceptance to the first claim, and to the end; a bound itself is within."""
    (only,) = await parts_of(db, await an_import(db))
    await move(db, only.id, Move.CLAIM, Move.ACCEPT, at=AT + timedelta(seconds=5))
    await move(db, only.id, Move.FINISH, at=AT + timedelta(seconds=60))
    await move(db, only.id, Move.COLLECT, at=AT + timedelta(days=2), imported=3)
    found = await counted(db)
    assert found["waited_seconds"] == {"5": 1, "sum": 5}
    assert found["ran_seconds"] == {"+Inf": 1, "sum": 172_795}
    assert found["took_seconds"] == {"+Inf": 1, "sum": 172_800}


def test_a_histogram_adds_up_and_keeps_what_was_counted_by_bounds_of_before():
    """90 is no bound any more: it goes to the next one above."""
    found = dict(counters.buckets({"5": 2, "90": 1, "+Inf": 1, "sum": 400.0}, (1, 5, 60, 300, 86_400)))
    assert (found["1.0"], found["5.0"], found["60.0"], found["300.0"], found["86400.0"]) == (0, 2, 2, 3, 3)
    assert found["+Inf"] == 4


async def test_counters_outlive_the_history_that_they_counted(db: Database):
    """Retention takes the import, its parts and its events."""
    (only,) = await parts_of(db, await an_import(db))
    await move(db, only.id, Move.CANCEL)
    before = await counted(db)
    await Erase(db, SteppedClock(AT + timedelta(days=1)), Retention(0, 0, 0)).what_is_too_old()
    async with db.read() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM part"))).scalar_one() == 0
    assert await counted(db) == before


async def test_two_who_count_the_same_things_in_another_order_do_not_lock_each_other_out(db: Database):
    """Both add up to the end, whoever was first; a deadlock would be an error on PostgreSQL."""
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])

    async def count(*labels: str) -> None:
        for _ in range(20):
            async with db.write() as tx:
                for label in labels:
                    counters.add(tx, "default", "moves", label)
                    await asyncio.sleep(0)

    await asyncio.gather(count("a", "b", "c"), count("c", "b", "a"), count("b", "c", "a"))
    assert (await counted(db))["moves"] == {"a": 60, "b": 60, "c": 60}
