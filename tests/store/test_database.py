"""Transactions: what SQLite makes of them, and what goes with a commit."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.store.database import Database, overwrite_deleted
from app.store.tables import instance


@pytest.fixture
async def on_sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    found = Database(sqlite_url)
    yield found
    await found.close()


async def test_sqlites_readers_cannot_write(on_sqlite: Database):
    """A forgotten write in a read is an error, not a lock held by somebody who did not ask for it."""
    with pytest.raises(OperationalError, match="readonly"):
        async with on_sqlite.read() as tx:
            await tx.exec_driver_sql("DELETE FROM instance")


async def test_sqlites_writer_has_the_file_from_its_first_statement(on_sqlite: Database):
    """BEGIN IMMEDIATE: it never finds out in the middle that another one wrote what it has read."""
    assert on_sqlite.path
    with closing(sqlite3.connect(on_sqlite.path, timeout=0, isolation_level=None)) as other:
        async with on_sqlite.write() as tx:
            await tx.execute(select(instance.c.name))
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")


async def test_what_is_to_follow_a_commit_follows_it_in_order(db: Database):
    """And not before: nobody may be told of what could still be undone."""
    told: list[str] = []
    async with db.write() as tx:
        tx.after_commit.append(partial(told.append, "one"))
        tx.after_commit.append(partial(told.append, "two"))
        assert told == []
    assert told == ["one", "two"]


async def test_nothing_follows_a_rollback_and_nothing_is_left_for_the_next(db: Database):
    """The next transaction has the same connection."""
    told: list[str] = []
    with pytest.raises(ZeroDivisionError):
        async with db.write() as tx:
            tx.after_commit.append(partial(told.append, "never"))
            raise ZeroDivisionError
    async with db.write() as tx:
        tx.after_commit.append(partial(told.append, "this"))
    assert told == ["this"]


@pytest.mark.parametrize(("by_default", "then"), [(0, 2), (1, 1)], ids=["not by itself", "all of it"])
def test_what_is_deleted_is_overwritten_where_there_are_keys(by_default: int, then: int):
    """Within its page at least (FAST is 2); where SQLite was built to overwrite everything, it goes on so."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"PRAGMA secure_delete = {by_default}")
    overwrite_deleted(connection)
    assert connection.execute("PRAGMA secure_delete").fetchone() == (then,)
    connection.close()
