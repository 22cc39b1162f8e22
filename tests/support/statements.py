"""What is asked of the database meanwhile."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from app.store.database import Database
from tests.support import patience


@contextmanager
def overhearing(db: Database, hear: Callable[[str, Any], None]) -> Iterator[None]:
    """`hear` is told of every statement as it is sent, with (one row of) its parameters."""

    def note(_line: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        hear(statement, parameters[0] if many else parameters)

    # on PostgreSQL the reader is the writer with other options, and hears what is said to it
    engines = [db._writer.sync_engine, *([db._reader.sync_engine] if db.on_sqlite else [])]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """Every statement, in its order."""
    sent: list[str] = []
    with overhearing(db, lambda statement, _: sent.append(statement)):
        yield sent


async def blocked(db: Database) -> None:
    """Return once a statement waits for what another transaction holds. SQLite, where one writes at a time: at once."""
    if db.on_sqlite:
        return
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(patience.seconds()):
        while True:
            async with db.read() as tx:
                if (await tx.exec_driver_sql(waiting)).scalar_one():
                    return
            await asyncio.sleep(0.01)  # PostgreSQL has no event for it


def connections_in_use(db: Database) -> int:
    return sum(pool.checkedout() for pool in {db._writer.pool, db._reader.pool})
