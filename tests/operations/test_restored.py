"""After a back-up was restored: nothing of it goes to Marketo once more without a person's word, and all is told."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.domain.errors import BadParameter, WrongState
from app.domain.failpoints import no_op
from app.domain.imports import OnUnconfirmed
from app.domain.lifecycle import Move
from app.notify.wakeup import Wakeup
from app.operations.cancel import Cancel
from app.operations.pause import Pause
from app.operations.release import Release
from app.operations.restored import AT_ONCE, Restored, as_json
from app.scheduling.separation import separated
from app.store import import_queries, instances, job_queries, jobs, waiting_queue
from app.store.database import Database
from app.store.tables import event, import_, part
from tests.store.seed import AT, an_import, parts_of
from tests.support.clock import SteppedClock

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


@pytest.fixture
def clock() -> SteppedClock:
    """The back-up is of AT, and an hour old."""
    return SteppedClock(AT + HOUR)


@pytest.fixture
def restored(db: Database, clock: SteppedClock) -> Restored:
    return Restored(db, clock)


async def mark(restored: Restored) -> dict[str, Any]:
    await restored.start_paused()
    return as_json(*await restored.run(since=AT, by="ann"))


async def in_a_job(db: Database, *moves: Move, slot: int = 1, together: int = 1) -> list[int]:
    """Imports of one part each in one job, which has made these moves before the back-up was made."""
    made = [await an_import(db) for _ in range(together)]
    ids = [(await parts_of(db, import_id))[0].id for import_id in made]
    async with db.write() as tx:
        job = await jobs.claim(tx, ids, slot=slot, due_at=AT, at=AT)
        for how in moves:
            await jobs.move(tx, job.id, how, at=AT, values={"batch_id": 3403 + slot} if how is Move.ACCEPT else None)
    return made


async def move_job(db: Database, import_id: int, how: Move, **values: Any) -> None:
    (moved,) = await parts_of(db, import_id)
    assert moved.job_id is not None
    async with db.write() as tx:
        job = await job_queries.get(tx, moved.job_id)
        columns = separated(job) if how is Move.SEPARATE else values
        await jobs.move(tx, moved.job_id, how, at=AT + 2 * HOUR, values=columns)


async def told(db: Database, import_id: int) -> list[dict[str, Any]]:
    async with db.read() as tx:
        its = select(event.c.data).where(event.c.import_id == import_id, event.c.type == "restored")
        return list((await tx.execute(its.order_by(event.c.id))).scalars())


async def policy(db: Database, import_id: int) -> OnUnconfirmed:
    async with db.read() as tx:
        summary = await import_queries.get_summary(tx, import_id)
    assert summary is not None
    return summary.request.on_unconfirmed


@pytest.mark.both_databases
async def test_NEVER_TWICE_BY_ACCIDENT_what_waited_is_held_until_a_person_releases_it(
    db: Database, restored: Restored, clock: SteppedClock
):
    """It may have been sent since the back-up. Its parts and its history say so."""
    import_id = await an_import(db, parts_count=2)
    found = await mark(restored)
    assert (found["imports"], found["waiting_imports"], found["unconfirmed_imports"]) == (1, [import_id], [])
    assert found["parts"] == {"waiting": 2, "unconfirmed": 0, "at_marketo": 0}
    since = "2026-11-04T12:00:00.000Z"
    facts = {"since": since, "by": "ann", "waiting": 2, "unconfirmed": 0, "at_marketo": 0}
    assert await told(db, import_id) == [facts]
    held = await parts_of(db, import_id)
    assert [each.accepted_seq for each in held] == [None, None]
    assert held[0].last_error is not None
    assert held[0].last_error.code == "restored"
    assert held[0].last_error.message.endswith("2026-11-04 12:00 UTC was made, and may have been sent since.")
    async with db.read() as tx:
        assert await waiting_queue.heads(tx, "default", below=10) == []
    await Release(db=db, now=clock, wakeup=Wakeup(), hit=no_op).run(import_id, by="ann")
    async with db.read() as tx:
        assert [head.part.id for head in await waiting_queue.heads(tx, "default", below=10)] == [held[0].id]


@pytest.mark.both_databases
async def test_what_may_be_at_marketo_is_held_and_what_is_there_is_followed(db: Database, restored: Restored):
    """Whatever was to be done about a lost answer: since the back-up, it may have been done already."""
    (under_way,) = await in_a_job(db, slot=1)
    (unconfirmed,) = await in_a_job(db, Move.LOSE, slot=2)
    (queued,) = await in_a_job(db, Move.ACCEPT, slot=3)
    (collecting,) = await in_a_job(db, Move.ACCEPT, Move.FINISH, slot=4)
    found = await mark(restored)
    assert found["parts"] == {"waiting": 0, "unconfirmed": 2, "at_marketo": 2}
    assert (found["waiting_imports"], found["unconfirmed_imports"]) == ([], [under_way, unconfirmed])
    for import_id in (under_way, unconfirmed, queued, collecting):
        assert await policy(db, import_id) is OnUnconfirmed.HOLD
        assert len(await told(db, import_id)) == 1
    async with db.read() as tx:
        assert (await tx.execute(select(import_.c.review_until).distinct())).scalars().all() == [None]


@pytest.mark.both_databases
async def test_what_marketo_fails_as_a_whole_is_held_if_it_was_sent_before_the_back_up(
    db: Database, restored: Restored, clock: SteppedClock
):
    """Else its parts go again, each alone: the lost service may have sent them so."""
    before = await in_a_job(db, Move.ACCEPT, together=2)
    await mark(restored)
    await move_job(db, before[0], Move.SEPARATE)
    for import_id in before:
        (held,) = await parts_of(db, import_id)
        assert (held.state, held.accepted_seq) == ("waiting", None)
        await Release(db=db, now=clock, wakeup=Wakeup(), hit=no_op).run(import_id, by="ann")
        (released,) = await parts_of(db, import_id)
        assert released.accepted_seq is not None
    clock.step(60)
    ids = [(await parts_of(db, import_id))[0].id for import_id in before]
    async with db.write() as tx:
        again = await jobs.claim(tx, ids[:1], slot=1, due_at=clock(), at=clock())
        await jobs.move(tx, again.id, Move.ACCEPT, at=clock(), values={"batch_id": 4000})
        await jobs.move(tx, again.id, Move.SEPARATE, at=clock(), values=separated(again))
    assert (await parts_of(db, before[0]))[0].accepted_seq is not None, "it was sent by a person's word"


async def test_what_is_new_goes_and_what_is_decided_stays_so(db: Database, restored: Restored, clock: SteppedClock):
    """To ask twice marks nothing twice; an import that was accepted after the start is no part of the back-up."""
    old = await an_import(db)
    await mark(restored)
    await Release(db=db, now=clock, wakeup=Wakeup(), hit=no_op).run(old, by="ann")
    new = await an_import(db)
    async with db.write() as tx:
        await tx.execute(update(import_).where(import_.c.id == new).values(created_at=clock() + HOUR))
    clock.step(2 * HOUR.total_seconds())
    again = as_json(*await restored.run(since=AT, by="ann"))
    assert again["imports"] == 0
    assert (await parts_of(db, old))[0].accepted_seq is not None
    assert (await parts_of(db, new))[0].accepted_seq is not None
    assert await told(db, new) == []


async def test_a_time_that_is_too_early_makes_no_old_work_look_new(db: Database, restored: Restored):
    """Whatever was there when the service started is of the back-up."""
    import_id = await an_import(db)
    await restored.start_paused()
    found = as_json(*await restored.run(since=AT - HOUR, by="ann"))
    assert found["waiting_imports"] == [import_id]


async def test_a_back_up_of_a_database_that_was_restored_before_is_marked_anew(
    db: Database, restored: Restored, clock: SteppedClock
):
    """Its history tells of the first restoration, which was before the back-up."""
    import_id = await an_import(db)
    await mark(restored)
    clock.step(5 * HOUR.total_seconds())
    found = as_json(*await restored.run(since=AT + 4 * HOUR, by="ann"))
    assert found["waiting_imports"] == [import_id]
    assert len(await told(db, import_id)) == 2


async def test_what_was_under_review_or_ended_or_is_cancelled(db: Database, restored: Restored, clock: SteppedClock):
    """A review begins anew, since it may have been released meanwhile; what has ended is left alone."""
    in_review = await an_import(db, review_until=AT + HOUR / 2)
    cancelled = await an_import(db)
    cancel = Cancel(db=db, now=clock, hit=no_op)
    await cancel.run(cancelled, by="bob")
    await restored.start_paused()
    await cancel.what_nobody_released()
    found = as_json(*await restored.run(since=AT, by="ann"))
    assert found["waiting_imports"] == [in_review]
    assert await told(db, cancelled) == []
    async with db.read() as tx:
        until = (await tx.execute(select(import_.c.review_until).where(import_.c.id == in_review))).scalar_one()
    assert until == clock() + WEEK


async def test_whoever_waits_for_what_is_held_waits_no_more(db: Database, restored: Restored, clock: SteppedClock):
    """What is held goes before nobody, as what is under review does."""
    (old,) = await parts_of(db, await an_import(db))
    (new,) = await parts_of(db, new_id := await an_import(db))
    await restored.start_paused()
    async with db.write() as tx:
        await tx.execute(update(import_).where(import_.c.id == new_id).values(created_at=clock() + HOUR))
        await tx.execute(update(part).where(part.c.id == new.id).values(waits_for=old.id, waits_since=AT))
    await restored.run(since=AT, by="ann")
    assert (await parts_of(db, new_id))[0].blocked_by is None


async def test_an_instance_that_is_not_paused_is_refused_and_a_time_to_come_too(
    db: Database, restored: Restored, clock: SteppedClock
):
    """Its worker could send what is just being marked."""
    import_id = await an_import(db)
    with pytest.raises(WrongState, match=r"'default' is not paused.*sluice serve --paused"):
        await restored.run(since=AT, by="ann")
    with pytest.raises(BadParameter, match="still to come"):
        await restored.run(since=clock() + HOUR, by="ann")
    assert await told(db, import_id) == []


@pytest.mark.both_databases
async def test_the_start_pauses_each_instance_once_and_says_who_had_paused_it_before(
    db: Database, restored: Restored, clock: SteppedClock
):
    """Processes that start later, on PostgreSQL, leave it as it is."""
    await an_import(db)
    await Pause(db=db, now=clock, hit=no_op).run("other", reason="moving", by="bob")
    await restored.start_paused()
    await restored.start_paused()
    async with db.read() as tx:
        found = {instance.name: instance for instance in await instances.everyone(tx)}
        paused = (await tx.execute(select(event.c.instance).where(event.c.type == "paused"))).scalars().all()
    assert found["default"].paused_reason == "the service was started with --paused"
    assert found["other"].paused_reason == "the service was started with --paused; before, bob had paused it: moving"
    assert not found["default"].may_submit(clock())
    assert sorted(paused) == ["default", "other", "other"]


async def test_more_imports_than_one_transaction_takes_are_all_marked(db: Database, restored: Restored):
    """And each once."""
    made = [await an_import(db) for _ in range(AT_ONCE + 1)]
    found = await mark(restored)
    assert found["waiting_imports"] == made
    async with db.read() as tx:
        theirs = (await tx.execute(select(event.c.import_id).where(event.c.type == "restored"))).scalars().all()
    assert sorted(theirs) == made
