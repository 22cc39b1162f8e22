"""What a person may do, and that each deed says who did it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.errors import WrongState
from app.domain.failpoints import no_op
from app.domain.instances import WaitingFor
from app.domain.lifecycle import Move
from app.notify.wakeup import Wakeup
from app.operations.desk import Desk
from app.store import instances, parts
from app.store.database import Database
from app.store.instances import Lesson
from app.store.tables import event, part
from tests.store.seed import AT, an_import, parts_of
from tests.support.clock import SteppedClock

PAUSE = timedelta(seconds=60)


@pytest.fixture
def desk(db: Database, clock: SteppedClock) -> Desk:
    return Desk(db=db, now=clock, wakeup=Wakeup(), hit=no_op)


async def deeds(db: Database, who: str) -> list[tuple[str, dict[str, Any]]]:
    """What this one did, the oldest first."""
    async with db.read() as tx:
        found = await tx.execute(select(event.c.type, event.c.data).order_by(event.c.id))
    return [(row.type, row.data) for row in found if row.data.get("by") == who]


async def unconfirmed(db: Database, *, slot: int = 1) -> int:
    """An import whose one part is unconfirmed."""
    import_id = await an_import(db)
    (one,) = await parts_of(db, import_id)
    async with db.write() as tx:
        await parts.move(tx, one.id, Move.CLAIM, at=AT, values={"slot": slot})
        await parts.move(tx, one.id, Move.LOSE, at=AT)
    return import_id


async def test_every_deed_is_an_event_that_says_who_did_it(db: Database, desk: Desk):
    """Those about an instance, too."""
    import_id = await an_import(db)
    await desk.pause("default", reason="cleaning", by="ann")
    await desk.resume("default", by="bob")
    await desk.cancel(import_id, by="cy")
    await desk.resolve(await unconfirmed(db), 1, batch_id=None, by="di")
    await desk.resolve(await unconfirmed(db), 1, batch_id=3404, by="ed")
    assert await deeds(db, "ann") == [("paused", {"by": "ann", "reason": "cleaning"})]
    assert await deeds(db, "bob") == [("resumed", {"by": "bob"})]
    assert await deeds(db, "cy") == [("cancel_requested", {"by": "cy"}), ("cancel", {"by": "cy"})]
    assert await deeds(db, "di") == [("resubmit", {"by": "di"})]
    assert await deeds(db, "ed") == [("accept", {"by": "ed", "batch_id": 3404})]


@pytest.mark.both_databases
async def test_a_batch_is_one_parts_only(db: Database, desk: Desk):
    """Who takes another part's job for this one's would have its rows counted that never went out."""
    await desk.resolve(await unconfirmed(db), 1, batch_id=3404, by="ann")
    second = await unconfirmed(db, slot=2)
    with pytest.raises(WrongState, match=r"3404 is part 1 of import 1 already"):
        await desk.resolve(second, 1, batch_id=3404, by="ann")
    await desk.resolve(second, 1, batch_id=3405, by="ann")


async def test_resume_tries_a_blocked_instance_at_once(db: Database, desk: Desk, clock: SteppedClock):
    """The wait until it would have been tried again by itself is over, too."""
    await an_import(db)
    async with db.write() as tx:
        soon = clock() + PAUSE
        await instances.block(tx, "default", at=clock(), reason="Bad credentials", denied=False, try_again_at=soon)
    await desk.resume("default", by="ann")
    async with db.read() as tx:
        found = await instances.get(tx, "default")
    assert found is not None
    assert found.blocked_at is None
    assert found.may_submit(clock())


@pytest.mark.parametrize("limit", [WaitingFor.DAILY_QUOTA, WaitingFor.RATE_LIMIT])
async def test_resume_keeps_the_wait_that_marketos_limits_ask_for(
    db: Database, desk: Desk, clock: SteppedClock, limit: WaitingFor
):
    """A used-up quota is not mended by a person's word."""
    await an_import(db)
    async with db.write() as tx:
        await instances.hold(tx, "default", until=clock() + PAUSE, reason=limit)
    await desk.pause("default", reason=None, by="ann")
    await desk.resume("default", by="ann")
    async with db.read() as tx:
        found = await instances.get(tx, "default")
    assert found is not None
    assert not found.may_submit(clock())
    assert found.may_submit(clock() + PAUSE)


async def test_resume_has_all_that_was_turned_away_tried_at_once(db: Database, desk: Desk, clock: SteppedClock):
    """A part that met 603 waits for 300 seconds by itself; what its import wants sent later still goes later."""
    denied, later, other = [(await parts_of(db, await an_import(db)))[0] for _ in range(3)]
    put_off = clock() + timedelta(seconds=300)
    async with db.write() as tx:
        await instances.ensure(tx, ["sandbox"])
        for one, code in ((denied, "603"), (later, None), (other, "713")):
            await tx.execute(part.update().where(part.c.id == one.id).values(due_at=put_off, retry_code=code))
        await tx.execute(part.update().where(part.c.id == other.id).values(instance="sandbox"))
    await desk.resume("default", by="ann")
    due = [(await parts_of(db, one.import_id))[0].due_at for one in (denied, later, other)]
    assert due == [None, put_off, put_off]


async def test_resume_ends_a_back_off_of_our_own_and_what_a_1016_taught(db: Database, desk: Desk, clock: SteppedClock):
    """Whoever mended the line, or stopped the other program, need not wait."""
    await an_import(db)
    async with db.write() as tx:
        await instances.hold(tx, "default", until=clock() + PAUSE, reason=WaitingFor.RETRY)
        lesson = Lesson(10, clock(), until=clock() + PAUSE, in_a_row=3, alone=True)
        await instances.learn_foreign_slots(tx, "default", lesson)
    await desk.resume("default", by="ann")
    async with db.read() as tx:
        found = await instances.get(tx, "default")
    assert found is not None
    assert found.may_submit(clock())
    assert found.slots_of_others(clock(), at_work=0) == 9, "one place is tried"
