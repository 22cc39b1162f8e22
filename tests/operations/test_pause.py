"""Pausing and resuming an instance: whoever asked stands in the event, and resuming ends the waits that it may end."""

from datetime import timedelta

import pytest

from app.domain.failpoints import no_op
from app.domain.instances import WaitingFor
from app.notify.wakeup import Wakeup
from app.operations.pause import Pause, Resume
from app.store import instances
from app.store.database import Database
from app.store.instances import ExternalSlotsEstimate
from app.store.tables import part
from tests.operations.people import events_by
from tests.store.seed import an_import, parts_of
from tests.support.clock import SteppedClock

PAUSE = timedelta(seconds=60)


@pytest.fixture
def pause(db: Database, clock: SteppedClock) -> Pause:
    return Pause(db=db, now=clock, hit=no_op)


@pytest.fixture
def resume(db: Database, clock: SteppedClock) -> Resume:
    return Resume(db=db, now=clock, wakeup=Wakeup(), hit=no_op)


async def test_the_events_of_a_pause_say_who_asked(db: Database, pause: Pause, resume: Resume):
    """They are about the instance."""
    await an_import(db)
    await pause.run("default", reason="cleaning", by="ann")
    await resume.run("default", by="bob")
    assert await events_by(db, "ann") == [("paused", {"by": "ann", "reason": "cleaning"})]
    assert await events_by(db, "bob") == [("resumed", {"by": "bob"})]


async def test_resume_tries_a_blocked_instance_at_once(db: Database, resume: Resume, clock: SteppedClock):
    """The wait until it would have been tried again by itself is over, too."""
    await an_import(db)
    async with db.write() as tx:
        soon = clock() + PAUSE
        await instances.block(tx, "default", at=clock(), reason="Bad credentials", denied=False, try_again_at=soon)
    await resume.run("default", by="ann")
    async with db.read() as tx:
        found = await instances.get(tx, "default")
    assert found is not None
    assert found.blocked_at is None
    assert found.may_submit(clock())


@pytest.mark.parametrize("limit", [WaitingFor.DAILY_QUOTA, WaitingFor.RATE_LIMIT])
async def test_resume_keeps_the_wait_that_marketos_limits_ask_for(
    db: Database, pause: Pause, resume: Resume, clock: SteppedClock, limit: WaitingFor
):
    """A used-up quota is not mended by a person's word."""
    await an_import(db)
    async with db.write() as tx:
        await instances.hold(tx, "default", until=clock() + PAUSE, reason=limit)
    await pause.run("default", reason=None, by="ann")
    await resume.run("default", by="ann")
    async with db.read() as tx:
        found = await instances.get(tx, "default")
    assert found is not None
    assert not found.may_submit(clock())
    assert found.may_submit(clock() + PAUSE)


async def test_resume_has_all_that_was_turned_away_tried_at_once(db: Database, resume: Resume, clock: SteppedClock):
    """A part that met 603 waits for 300 seconds by itself; what its import wants sent later still goes later."""
    denied, later, other = [(await parts_of(db, await an_import(db)))[0] for _ in range(3)]
    put_off = clock() + timedelta(seconds=300)
    async with db.write() as tx:
        await instances.ensure(tx, ["sandbox"])
        for one, code in ((denied, "603"), (later, None), (other, "713")):
            await tx.execute(part.update().where(part.c.id == one.id).values(due_at=put_off, retry_code=code))
        await tx.execute(part.update().where(part.c.id == other.id).values(instance="sandbox"))
    await resume.run("default", by="ann")
    due = [(await parts_of(db, one.import_id))[0].due_at for one in (denied, later, other)]
    assert due == [None, put_off, put_off]


async def test_resume_ends_a_back_off_of_our_own_and_what_a_1016_taught(
    db: Database, resume: Resume, clock: SteppedClock
):
    """Whoever mended the line, or stopped the other program, need not wait."""
    await an_import(db)
    async with db.write() as tx:
        await instances.hold(tx, "default", until=clock() + PAUSE, reason=WaitingFor.RETRY)
        estimate = ExternalSlotsEstimate(10, clock(), until=clock() + PAUSE, consecutive_1016s=3, alone=True)
        await instances.set_external_slots(tx, "default", estimate)
    await resume.run("default", by="ann")
    async with db.read() as tx:
        found = await instances.get(tx, "default")
    assert found is not None
    assert found.may_submit(clock())
    assert found.slots_of_others(clock(), at_work=0) == 9, "one place is tried"
