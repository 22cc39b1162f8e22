"""The connection to SQLite: one trip a statement, and everything that SQLAlchemy wants to know behind it."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, event, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.store.sqlite_driver import OneTrip, connect
from tests.support.patience import Deadline

THING = Table("thing", MetaData(), Column("id", Integer, primary_key=True), Column("blob", LargeBinary, unique=True))


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of a connection's thread, in order."""
    made: list[str] = []
    execute = OneTrip._execute

    async def counted(self: OneTrip, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        made.append(str(args[0]) if args else fn.__name__)
        return await execute(self, fn, *args, **kwargs)

    monkeypatch.setattr(OneTrip, "_execute", counted)
    return made


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    before = set(threading.enumerate())
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/a.db", connect_args={"async_creator_fn": connect})
    async with engine.begin() as tx:
        await tx.run_sync(THING.metadata.create_all)
    yield engine
    await engine.dispose()
    deadline = Deadline()
    while set(threading.enumerate()) - before and not deadline.is_over():  # a cancelled one's thread still says so
        await asyncio.sleep(0.01)


async def test_a_statement_takes_one_trip_with_all_that_it_found(engine: AsyncEngine, trips: list[str]):
    async with engine.begin() as tx:
        trips.clear()
        made = await tx.execute(insert(THING).values(blob=b"\0one").returning(THING.c.id, THING.c.blob))
        assert made.one() == (1, b"\0one")
        await tx.execute(insert(THING), [{"blob": b"two"}, {"blob": b"three"}])
        changed = await tx.execute(update(THING).where(THING.c.id > 1).values(blob=None))
        assert changed.rowcount == 2
        found = await tx.execute(select(THING.c.id).order_by(THING.c.id))
        assert found.scalars().all() == [1, 2, 3]
        assert (await tx.execute(select(THING).where(THING.c.id == 4))).first() is None
    assert [trip.split()[0] for trip in trips] == ["INSERT", "INSERT", "UPDATE", "SELECT", "SELECT", "commit"]


@pytest.fixture
async def own_begin(engine: AsyncEngine) -> AsyncEngine:
    """As the store has it: each transaction says BEGIN IMMEDIATE itself."""

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        raw = connection.connection.driver_connection
        assert isinstance(raw, OneTrip)
        raw.begin("BEGIN IMMEDIATE")

    await engine.dispose()  # what is open already was prepared otherwise
    return engine


async def test_a_transaction_begins_with_its_first_statement_in_one_trip(own_begin: AsyncEngine, trips: list[str]):
    """And one without any costs nothing."""
    async with own_begin.begin() as tx:
        trips.clear()
        await tx.execute(insert(THING).values(blob=b"one"))
        assert (await tx.get_raw_connection()).driver_connection.in_transaction  # type: ignore[union-attr]
    async with own_begin.begin():
        pass
    assert [trip.split()[0] for trip in trips] == ["INSERT", "commit"]


async def test_what_follows_a_refused_first_statement_is_still_in_the_transaction(own_begin: AsyncEngine):
    """It is undone with it."""
    with pytest.raises(ZeroDivisionError):
        async with own_begin.begin() as tx:
            with pytest.raises(OperationalError, match="no such table"):
                await tx.exec_driver_sql("DELETE FROM nowhere")
            await tx.execute(insert(THING).values(blob=b"one"))
            raise ZeroDivisionError
    async with own_begin.begin() as tx:
        assert (await tx.execute(select(THING))).all() == []


async def test_the_first_statement_of_a_cancelled_task_is_rolled_back(own_begin: AsyncEngine):
    """It was on its way to the thread when the transaction was ended: it is in the transaction all the same."""
    slow = threading.Event()

    async def write() -> None:
        async with own_begin.begin() as tx:
            raw = (await tx.get_raw_connection()).driver_connection
            assert isinstance(raw, OneTrip)
            raw._tx.put_nowait((None, slow.wait))  # what the thread is busy with meanwhile
            await tx.execute(insert(THING).values(blob=b"one"))

    task = asyncio.create_task(write())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    slow.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with own_begin.begin() as tx:
        assert (await tx.execute(select(THING))).all() == []


async def test_a_refused_statement_is_sqlalchemys_error_and_leaves_the_line_usable(engine: AsyncEngine):
    async with engine.begin() as tx:
        await tx.execute(insert(THING).values(blob=b"one"))
        with pytest.raises(IntegrityError, match="UNIQUE"):
            await tx.execute(insert(THING), [{"blob": b"two"}, {"blob": b"one"}])
        with pytest.raises(OperationalError, match="no such table"):
            await tx.exec_driver_sql("SELECT * FROM nowhere")
        assert (await tx.execute(select(THING.c.blob))).scalars().first() == b"one"


async def test_what_a_cancelled_task_left_behind_is_rolled_back(engine: AsyncEngine):
    """Its statement may still be on the way when the pool asks; the connection's next user must find it idle."""
    async with engine.connect() as held:
        connection: Any = (await held.get_raw_connection()).driver_connection
        assert isinstance(connection, OneTrip)
        slow = threading.Event()
        connection._tx.put_nowait((None, slow.wait))  # what the thread is busy with meanwhile
        begun = asyncio.create_task(connection.cursor().execute("BEGIN IMMEDIATE"))
        await asyncio.sleep(0)
        begun.cancel()
        rolled_back = asyncio.create_task(connection.rollback())
        await asyncio.sleep(0)
        slow.set()
        await rolled_back
        assert not connection.in_transaction


async def test_a_closed_line_says_so(tmp_path: Path):
    connection = await connect(str(tmp_path / "a.db"))
    await connection.close()
    with pytest.raises(ValueError, match="Connection closed"):
        await connection.cursor().execute("SELECT 1")


async def test_what_cannot_be_opened_says_why(tmp_path: Path):
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        await connect(str(tmp_path / "not there" / "a.db"))


async def test_a_connection_that_nobody_knows_any_more_is_closed_and_its_thread_ends(tmp_path: Path):
    """As where whoever opened it was cancelled in that moment."""
    connection = await connect(str(tmp_path / "db"))
    thread = connection._thread
    del connection
    await asyncio.to_thread(thread.join, 60)
    assert not thread.is_alive()
