"""What goes with a commit."""

from functools import partial

import pytest

from app.store.database import Database, after_commit


async def test_what_is_to_follow_a_commit_follows_it_in_order(db: Database):
    """And not before: nobody may be told of what could still be undone."""
    told: list[str] = []
    async with db.write() as tx:
        after_commit(tx, partial(told.append, "one"))
        after_commit(tx, partial(told.append, "two"))
        assert told == []
    assert told == ["one", "two"]


async def test_nothing_follows_a_rollback_and_nothing_is_left_for_the_next(db: Database):
    """The next transaction has the same connection."""
    told: list[str] = []
    with pytest.raises(ZeroDivisionError):
        async with db.write() as tx:
            after_commit(tx, partial(told.append, "never"))
            raise ZeroDivisionError
    async with db.write() as tx:
        after_commit(tx, partial(told.append, "this"))
    assert told == ["this"]
