"""A connection to SQLite that goes to its thread once a statement.

A connection to SQLite lives in a thread of its own, and each trip there and back waits for its turn on a busy
processor. aiosqlite makes four a statement: for a cursor, the statement, its rows and the cursor's end. Nobody here
asks for more rows than fit in memory, so they may as well come along at once. For the same reason a transaction's BEGIN
travels with its first statement, and one without any statement costs nothing.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import aiosqlite
from aiosqlite.core import _STOP_RUNNING_SENTINEL


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement left behind, by the names of PEP 249."""

    rows: list[Any]
    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None


class OneTrip(aiosqlite.Connection):
    """As aiosqlite's own, with cursors that take one trip, and no trip to begin, commit or roll back nothing."""

    _settled = True  # nothing is on its way to the thread, nor was left there by whoever was cancelled
    _to_begin: str | None = None  # the BEGIN of the transaction here; SQLite gets it with its first statement

    def __del__(self) -> None:
        """Whoever opened it was cancelled meanwhile, and nobody else knows it: it is closed, and its thread ends."""
        if self._connection is not None:
            self._running = False
            self._tx.put_nowait((None, partial(_ended, self._connection)))

    def cursor(self) -> "Cursor":  # type: ignore[override]  # a cursor that need not be fetched first
        return Cursor(self)

    async def run(self, statement: str, parameters: Sequence[Any] = (), *, many: bool = False) -> Answer:
        """Errors: sqlite3.Error; ValueError once the connection is closed."""
        answer: Answer = await self._execute(self._run, statement, parameters, many, self._to_begin)
        return answer

    def begin(self, statement: str) -> None:
        """Begin a transaction with the next statement, in the same trip."""
        self._to_begin = statement

    async def commit(self) -> None:
        """There is nothing to commit where no statement was sent."""
        self._to_begin = None
        if not self._settled or self._conn.in_transaction:
            await super().commit()

    async def rollback(self) -> None:
        """A pool asks for it after each commit, too."""
        self._to_begin = None
        if not self._settled or self._conn.in_transaction:
            await super().rollback()

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._settled = False
        answer = await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        self._settled = True
        return answer

    def _run(self, statement: str, parameters: Sequence[Any], many: bool, to_begin: str | None) -> Answer:
        cursor = self._conn.cursor()
        try:
            if to_begin and not self._conn.in_transaction:
                cursor.execute(to_begin)
            (cursor.executemany if many else cursor.execute)(statement, parameters)
            return Answer(cursor.fetchall(), cursor.description, cursor.rowcount, cursor.lastrowid)
        finally:
            cursor.close()


def _ended(connection: sqlite3.Connection) -> object:
    connection.close()
    return _STOP_RUNNING_SENTINEL


class Cursor:
    """What SQLAlchemy asks of an asynchronous cursor."""

    arraysize = 1

    def __init__(self, connection: OneTrip) -> None:
        self._connection = connection
        self._answer = Answer([])

    @property
    def description(self) -> Any:
        return self._answer.description

    @property
    def rowcount(self) -> int:
        return self._answer.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._answer.lastrowid

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        self._answer = await self._connection.run(statement, parameters)

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        self._answer = await self._connection.run(statement, parameters, many=True)

    async def fetchall(self) -> list[Any]:
        return self._answer.rows

    async def close(self) -> None:
        """Nothing is open between two trips."""


async def connect(path: str, **options: Any) -> OneTrip:
    """Open a connection. Errors: sqlite3.Error."""
    made = OneTrip(lambda: sqlite3.connect(path, **options), iter_chunk_size=64)  # its own cursors', which nobody uses
    thread = made._thread  # noqa: SLF001
    thread.daemon = True  # as SQLAlchemy has it: who forgets to close must not hang at the end
    try:
        await made
    except sqlite3.Error:
        await asyncio.to_thread(thread.join)  # it answers to this loop: it must not outlive it
        raise
    return made
