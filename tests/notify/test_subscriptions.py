"""The news of a process: who watches is told, and what is to be told to others is bounded."""

import asyncio

from app.notify.pending import MOST_CHANGED, News, Outbox
from app.notify.subscriptions import Changes


async def test_who_watches_hears_of_its_own_import_only():
    """However often it changed, it is one ring; and one that came between two waits is not lost."""
    changes = Changes()
    with changes.watching(1) as one, changes.watching(1) as other, changes.watching(2) as third:
        changes.made({1, 7})
        changes.hear({1})
        assert await one.heard(within_seconds=0)
        assert await other.heard(within_seconds=0)
        assert not await one.heard(within_seconds=0)
        assert not await third.heard(within_seconds=0)
    assert not changes.watchers


async def test_what_others_told_is_not_told_back():
    """Only what was made here goes into the outbox."""
    outbox = Outbox()
    changes = Changes(outbox)
    changes.hear({1})
    changes.made({2})
    await asyncio.wait_for(outbox.filled(), 1)
    assert outbox.take() == News(rung=False, changed=frozenset({2}))
    assert outbox.take() == News()


async def test_an_outbox_that_nobody_empties_stays_small():
    """On SQLite nobody does. Too many changes to be named are all that may have been."""
    outbox = Outbox()
    for n in range(10 * MOST_CHANGED):
        outbox.change({n})
    assert outbox._changed is None
    assert outbox.take() == News(rung=False, changed=None)
    outbox.change({1})
    outbox.ring()
    assert outbox.take() == News(rung=True, changed=frozenset({1}))


async def test_when_the_process_stops_nobody_waits_any_more():
    """Who waits is rung for, and who comes later does not wait."""
    changes = Changes()
    with changes.watching(1) as early:
        changes.end()
        assert await early.heard(within_seconds=0)
    with changes.watching(1) as late:
        assert await late.heard(within_seconds=0)
