"""The news of a process: who watches is told, and what is to be told to others is bounded."""

import asyncio

from app.notify.pending import MOST_CHANGED, Notification, PendingNotifications
from app.notify.subscriptions import Subscriptions


async def test_who_watches_hears_of_its_own_import_only():
    """However often it changed, it is one ring; and one that came between two waits is not lost."""
    changes = Subscriptions()
    with changes.subscribe(1) as one, changes.subscribe(1) as other, changes.subscribe(2) as third:
        changes.publish({1, 7})
        changes.receive({1})
        assert await one.wait(within_seconds=0)
        assert await other.wait(within_seconds=0)
        assert not await one.wait(within_seconds=0)
        assert not await third.wait(within_seconds=0)
    assert not changes.subscribers


async def test_what_others_told_is_not_told_back():
    """Only what was made here goes into the outbox."""
    pending = PendingNotifications()
    changes = Subscriptions(pending)
    changes.receive({1})
    changes.publish({2})
    await asyncio.wait_for(pending.filled(), 1)
    assert pending.take() == Notification(has_work=False, changed=frozenset({2}))
    assert pending.take() == Notification()


async def test_an_outbox_that_nobody_empties_stays_small():
    """On SQLite nobody does. Too many changes to be named are all that may have been."""
    pending = PendingNotifications()
    for n in range(10 * MOST_CHANGED):
        pending.add_changed({n})
    assert pending._changed is None
    assert pending.take() == Notification(has_work=False, changed=None)
    pending.add_changed({1})
    pending.add_work()
    assert pending.take() == Notification(has_work=True, changed=frozenset({1}))


async def test_when_the_process_stops_nobody_waits_any_more():
    """Who waits is rung for, and who comes later does not wait."""
    changes = Subscriptions()
    with changes.subscribe(1) as early:
        changes.end()
        assert await early.wait(within_seconds=0)
    with changes.subscribe(1) as late:
        assert await late.wait(within_seconds=0)
