"""How much waits is counted no more often than need be, and as often as it may matter."""

from app.store.database import Database
from app.uploads.backlog_count import BacklogCount
from tests.store.seed import an_import
from tests.support.clock import SteppedClock
from tests.support.statements import statements


async def test_far_from_the_limit_it_is_counted_once_a_second(db: Database, clock: SteppedClock):
    """And what came in here meanwhile is added."""
    room = BacklogCount(db=db, now=clock)
    await an_import(db, parts_count=3, client="crm")
    assert await room.taken("crm", limit=100, client_limit=50) == (3, 3)
    room.add("crm")
    with statements(db) as asked:
        assert await room.taken("crm", limit=100, client_limit=50) == (4, 4)
        assert not asked
        clock.step(1)
        assert await room.taken("crm", limit=100, client_limit=50) == (3, 3)
        assert asked


async def test_near_a_limit_it_is_counted_each_time(db: Database, clock: SteppedClock):
    """All in all, or of one client; and the client's no further than its limit."""
    room = BacklogCount(db=db, now=clock)
    for limit, client_limit, own in ((6, 50, 3), (100, 6, 3), (100, 2, 2)):
        await an_import(db, parts_count=3, client=f"crm{client_limit}{limit}")
        asked_for = {"limit": limit, "client_limit": client_limit}
        client = f"crm{client_limit}{limit}"
        assert (await room.taken(client, **asked_for))[1] == own
        with statements(db) as asked:
            await room.taken(client, **asked_for)
            assert asked


async def test_a_new_client_is_counted_and_a_large_file_is_not_guessed_at(db: Database, clock: SteppedClock):
    """After `forget` nothing is taken for known."""
    room = BacklogCount(db=db, now=clock)
    await an_import(db, client="crm")
    assert await room.taken("other", limit=100, client_limit=50) == (1, 0)
    assert await room.taken("crm", limit=100, client_limit=50) == (1, 1)
    await an_import(db, parts_count=9, client="crm")
    room.forget()
    assert await room.taken("crm", limit=100, client_limit=50) == (10, 10)
