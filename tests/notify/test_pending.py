"""What a process has to tell the others: all of it together, and no more than can be kept."""

import asyncio

from app.notify.pending import Notification, PendingNotifications


async def test_what_came_before_it_is_taken_is_one_notification():
    """Then it is gone from here, and there is something to tell only when something new comes."""
    pending = PendingNotifications()
    pending.send()
    pending.change([1, 2])
    pending.change([2, 3])
    await pending.filled()
    assert pending.take() == Notification(rung=True, changed=frozenset({1, 2, 3}))
    waiting = asyncio.create_task(pending.filled())
    await asyncio.sleep(0)
    assert not waiting.done()
    pending.change([4])
    await waiting
    assert pending.take() == Notification(rung=False, changed=frozenset({4}))


def test_more_than_five_hundred_changed_imports_are_not_named():
    """Whoever hears of it looks at all that it watches."""
    pending = PendingNotifications()
    pending.change(range(500))
    assert pending.take().changed == frozenset(range(500))
    pending.change(range(501))
    pending.change([1])
    assert pending.take().changed is None
    pending.change([1])
    assert pending.take().changed == frozenset({1})
