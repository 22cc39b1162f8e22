"""What a person may do, and that each deed says who did it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.errors import WrongState
from app.domain.instances import WaitingFor
from app.domain.lifecycle import Move
from app.steps.desk import Desk
from app.steps.points import in_service
from app.store import instances, parts
from app.store.database import Database
from app.store.tables import event
from app.wake import Wake
from tests.store.seed import AT, an_import, parts_of
from tests.support.clock import SteppedClock

PAUSE = timedelta(seconds=60)


@pytest.fixture
def desk(db: Database, clock: SteppedClock) -> Desk:
    return Desk(db=db, now=clock, wake=Wake(), reached=in_service)


async def deeds(db: Database, who: str) -> list[tuple[str, dict[str, Any]]]:
    """What this one did, the oldest first."""
    async with db.read() as tx:
        found = await tx.execute(select(event.c.type, event.c.data).order_by(event.c.id))
    return [(row.type, row.data) for row in found if row.data.get("by") == who]


async def unconfirmed(db: Database, *, slot: int = 1) -> int:
    """An import whose one part is unconfirmed."""
    import_id = await an_import(db)
    (part,) = await parts_of(db, import_id)
    async with db.write() as tx:
        await parts.move(tx, part.id, Move.CLAIM, at=AT, values={"slot": slot})
        await parts.move(tx, part.id, Move.LOSE, at=AT)
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


async def test_resume_keeps_the_wait_that_marketo_asked_for(db: Database, desk: Desk, clock: SteppedClock):
    """A used-up quota is not mended by a person's word."""
    await an_import(db)
    async with db.write() as tx:
        await instances.hold(tx, "default", until=clock() + PAUSE, reason=WaitingFor.DAILY_QUOTA)
    await desk.pause("default", reason=None, by="ann")
    await desk.resume("default", by="ann")
    async with db.read() as tx:
        found = await instances.get(tx, "default")
    assert found is not None
    assert not found.may_submit(clock())
    assert found.may_submit(clock() + PAUSE)
