"""Deciding an unconfirmed part: whoever decided stands in the event, and a job of Marketo's is one part's only."""

import pytest

from app.domain.errors import WrongState
from app.domain.failpoints import no_op
from app.notify.wakeup import Wakeup
from app.operations.resolve import Resolve
from app.store.database import Database
from tests.operations.people import events_by, unconfirmed
from tests.support.clock import SteppedClock


@pytest.fixture
def resolve(db: Database, clock: SteppedClock) -> Resolve:
    return Resolve(db=db, now=clock, wakeup=Wakeup(), hit=no_op)


async def test_the_event_of_a_decision_says_who_decided(db: Database, resolve: Resolve):
    """Whichever way it went."""
    await resolve.run(await unconfirmed(db), 1, batch_id=None, by="di")
    await resolve.run(await unconfirmed(db), 1, batch_id=3404, by="ed")
    assert await events_by(db, "di") == [("resubmit", {"by": "di"})]
    assert await events_by(db, "ed") == [("accept", {"by": "ed", "batch_id": 3404})]


@pytest.mark.both_databases
async def test_a_batch_is_one_parts_only(db: Database, resolve: Resolve):
    """Who takes another part's job for this one's would have its rows counted that never went out."""
    await resolve.run(await unconfirmed(db), 1, batch_id=3404, by="ann")
    second = await unconfirmed(db, slot=2)
    with pytest.raises(WrongState, match=r"3404 is part 1 of import 1 already"):
        await resolve.run(second, 1, batch_id=3404, by="ann")
    await resolve.run(second, 1, batch_id=3405, by="ann")
