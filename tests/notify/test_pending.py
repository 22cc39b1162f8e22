"""What a process has to tell the others: all of it together, and no more than can be kept."""

import asyncio

from app.notify.pending import Notification, PendingNotifications


async def test_what_came_before_it_is_taken_is_one_notification():
    """Then it is gone from here, and there is something to tell only when something new comes."""
    pending = PendingNotifications()
    pending.add_work()
    pending.add_changed([1, 2])
    pending.add_changed([2, 3])
    await pending.filled()
    assert pending.take() == Notification(has_work=True, changed=frozenset({1, 2, 3}))
    waiting = asyncio.create_task(pending.filled())
    await asyncio.sleep(0)
    assert not waiting.done()
    pending.add_changed([4])
    await waiting
    assert pending.take() == Notification(has_work=False, changed=frozenset({4}))


def test_more_than_five_hundred_changed_imports_are_not_named():
    """Whoever hears of it looks at all that it watches."""
    pending = PendingNotifications()
    pending.add_changed(range(500))
    assert pending.take().changed == frozenset(range(500))
    pending.add_changed(range(501))
    pending.add_changed([1])
    assert pending.take().changed is None
    pending.add_changed([1])
    assert pending.take().changed == frozenset({1})
