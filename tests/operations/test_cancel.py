"""Cancelling: whoever asked stands in the event."""

from app.domain.failpoints import no_op
from app.operations.cancel import Cancel
from app.store.database import Database
from tests.operations.people import events_by
from tests.store.seed import an_import
from tests.support.clock import SteppedClock


async def test_the_event_of_a_cancel_says_who_asked(db: Database, clock: SteppedClock):
    """Both the wish and what it did."""
    await Cancel(db=db, now=clock, hit=no_op).run(await an_import(db), by="cy")
    assert await events_by(db, "cy") == [("cancel_requested", {"by": "cy"}), ("cancel", {"by": "cy"})]
