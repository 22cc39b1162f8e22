"""What is asked of the database meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from app.store.database import Database


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """Every statement, as it is sent."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    engines = [db._writer.sync_engine]
    if db.on_sqlite:  # on PostgreSQL the reader is the writer with other options, and hears it too
        engines.append(db._reader.sync_engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


def connections_in_use(db: Database) -> int:
    return sum(pool.checkedout() for pool in {db._writer.pool, db._reader.pool})
