"""Engines and transactions. Two databases, both real: SQLite for one process, PostgreSQL for many.

SQLite has one writing connection (`BEGIN IMMEDIATE`, WAL, `synchronous=FULL`) and readers that cannot write. A
second process on the same file is refused: SQLite before 3.51.3 can corrupt a WAL that two connections checkpoint.

The module is long because opening, committing and keeping the log small share one object, whose order of steps matters.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.encryption.errors import MissingKey
from app.encryption.vault import Vault
from app.store import counters, poolers, webhook_deliveries
from app.store.readers import Readers
from app.store.sqlite_driver import OneTrip, connect
from app.store.sqlite_file import SqliteFile
from app.store.transaction import ImportLock, ReadTransaction, Transaction

PAGES_AT_ONCE = 1000  # of 4 KiB: some hundredths of a second in which nobody else writes
LOG_LIMIT_BYTES = 64_000_000  # of the log beside a SQLite file, after which it begins anew
LOG_LEAST_BYTES = 4_000_000  # which SQLite itself lets it grow to
HOLD_UP_SECONDS = 1.0  # readers, so that it can


def cause(away: Exception) -> str:
    """The database's own words, without the statement; nothing of a file can be in them."""
    words = away if isinstance(away, WrongSchema | MissingKey) else getattr(away, "orig", None) or type(away).__name__
    return str(words).strip().splitlines()[0]


Notify = Callable[[Collection[int]], None]
"""Is told the ids of the imports that a transaction held, once it has ended."""

Finish = Callable[[Transaction, Mapping[ImportLock, datetime]], Awaitable[None]]
"""Does what belongs to the end of imports, in the transaction in which their last parts ended, at these times."""


async def _refuse_ends(_: Transaction, ended: Mapping[ImportLock, datetime]) -> None:
    """Stands for `Finish` where none was given: no import may end unfinished."""
    ids = [lock.import_id for lock in ended]
    raise RuntimeError(f"imports {ids} ended, and this database was opened without a finish step")


_open: ContextVar[int] = ContextVar("open_transactions", default=0)


def in_transaction() -> bool:
    """True while the running task has a transaction open. NO_CALL_IN_TX is checked with it."""
    return _open.get() > 0


class WrongSchema(Exception):
    """The database's schema is another version's: nothing is written until that is mended."""


AWAY = (OperationalError, InterfaceError, InternalError, PoolTimeout, WrongSchema, MissingKey)
"""What is raised while the database cannot be reached, is stopping, being upgraded, or its disk is full: it passes.

So does the lack of a key by which something is sealed, once the process is started with it."""


class Database:
    """`async with db.write() as tx` and `async with db.read() as tx`: the only two ways to the data."""

    refused: str | None = None  # why nothing may be written: the schema is not ours

    def __init__(
        self,
        url: str,
        *,
        notify: Notify = lambda _: None,
        finish: Finish = _refuse_ends,
        wake_sender: Callable[[], None] = lambda: None,
        log_limit_bytes: int = LOG_LIMIT_BYTES,
        vault: Vault | None = None,
    ) -> None:
        self.url = url
        self.vault = vault or Vault()
        self._notify = notify
        self._finish = finish
        self._wake_sender = wake_sender  # called once there is something to be sent to an endpoint
        self.on_sqlite = url.startswith("sqlite")
        self.file = SqliteFile(sqlite_path(url)) if self.on_sqlite else None
        self._turn = asyncio.Lock()
        self._readers = Readers()
        self._log_limit_bytes = max(LOG_LEAST_BYTES, log_limit_bytes)
        self._log_bytes_allowed = self._log_limit_bytes  # more, while it could not begin anew
        self._writer, self._reader = _sqlite_engines(url, self.vault) if self.on_sqlite else _postgres_engines(url)

    @property
    def engines(self) -> tuple[AsyncEngine, ...]:
        """Those whose statements can be listened to: PostgreSQL's reader is its writer with other options."""
        return (self._writer, self._reader) if self.on_sqlite else (self._writer,)

    @property
    def path(self) -> Path | None:
        return sqlite_path(self.url) if self.on_sqlite else None

    def claim_file(self) -> None:
        """Make this process the file's only one (SQLite; the lock dies with the process). Errors: DatabaseBusy."""
        if self.file:
            self.file.claim()

    def migrating(self) -> AbstractContextManager[None]:
        """Wait for others who bring the schema up to date; PostgreSQL's migrations see to that themselves."""
        return self.file.migrating() if self.file else nullcontext()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """One transaction that may write; committed at the end, rolled back on any error. Errors: WrongSchema."""
        if self.refused:
            raise WrongSchema(self.refused)
        tx = Transaction(self._writer, self.vault)
        try:
            async with AsyncExitStack() as stack:
                if self.on_sqlite:
                    await stack.enter_async_context(self._turn)
                    stack.push_async_callback(self._keep_log_small)  # once the transaction has ended
                await stack.enter_async_context(self._counted())
                await stack.enter_async_context(tx)
                await stack.enter_async_context(tx.begin())
                yield tx
                if tx.ended:
                    await self._finish(tx, tx.ended)
                if await webhook_deliveries.write(tx):
                    tx.after_commit.append(self._wake_sender)
                await counters.write(tx)
            for call in tx.after_commit:
                call()
        finally:  # after an error too: the commit may be done, and its word lost
            if tx.locks:
                self._notify(tx.locks.keys())

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadTransaction]:
        """One consistent look; on SQLite it cannot write."""
        tx = ReadTransaction(self._reader, self.vault)
        async with self._readers.reading(nested=in_transaction()), self._counted(), tx, tx.begin():
            yield tx

    async def give_back(self) -> bool:
        """Return some of what erasures left free to the file system. False: nothing is left of it, or nothing goes.

        Only SQLite waits to be asked, and only a file that was made for it: see docs/operating.md.
        """
        if not self.on_sqlite:
            return False
        async with self._turn, self._writer.connect() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            assert isinstance(raw, OneTrip)
            before = await _free_pages(raw)
            if before:  # a script: a statement would be left alone after the first page
                await raw.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE}); PRAGMA wal_checkpoint(PASSIVE)")
            return 0 < await _free_pages(raw) < before

    async def close(self) -> None:
        """Once those who still read or write have ended, or after a moment; what they hold would be nobody's then."""
        await asyncio.sleep(0)  # whoever has just begun is counted
        await self._readers.have_ended(within_seconds=HOLD_UP_SECONDS)
        await self._writer.dispose()
        await self._reader.dispose()
        if self.file:
            self.file.release()

    async def empty_log(self) -> None:
        """Give the room of SQLite's write-ahead log back, if nobody reads for longer than a moment."""
        if self.on_sqlite:
            async with self._turn:
                await self._begin_log_anew(self.file.log_bytes if self.file else 0)

    async def _keep_log_small(self) -> None:
        size = self.file.log_bytes if self.file else 0
        if size > self._log_bytes_allowed:
            await self._begin_log_anew(size)

    async def _begin_log_anew(self, size: int) -> None:
        """By itself SQLite waits until nobody reads, which may be never."""
        self._log_bytes_allowed = size + self._log_limit_bytes // 4  # where it fails: try again when it has grown more
        with suppress(*AWAY, sqlite3.Error):
            async with self._readers.held_up(within_seconds=HOLD_UP_SECONDS) as alone, self._writer.connect() as tx:
                raw = (await tx.get_raw_connection()).driver_connection
                assert isinstance(raw, OneTrip)
                if alone and await _has_begun_anew(raw):
                    self._log_bytes_allowed = self._log_limit_bytes

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        token = _open.set(_open.get() + 1)
        try:
            yield
        finally:
            _open.reset(token)


async def _has_begun_anew(connection: OneTrip) -> bool:
    """Empty the log, if no other program reads the file either: nobody is kept waiting for that."""
    waits = (await connection.run("PRAGMA busy_timeout")).rows[0][0]
    await connection.run("PRAGMA busy_timeout = 0")
    try:
        busy = (await connection.run("PRAGMA wal_checkpoint(TRUNCATE)")).rows[0][0]
    finally:
        await connection.run(f"PRAGMA busy_timeout = {waits}")
    return not busy


async def _free_pages(connection: OneTrip) -> int:
    return int((await connection.run("PRAGMA freelist_count")).rows[0][0])


def sqlite_path(url: str) -> Path:
    """The file that SQLAlchemy opens for it."""
    return Path(make_url(url).database or "")


def driver_url(url: str, *, asynchronous: bool) -> str:
    """The plain URL of the settings with the driver that the service uses."""
    if url.startswith("sqlite"):
        return url.replace("sqlite://", "sqlite+aiosqlite://", 1) if asynchronous else url
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def postgres_options(url: str) -> dict[str, Any]:
    """What every connection to PostgreSQL is opened with.

    A server that went without a word is noticed after 30 seconds, and a process that is stopped in mid-transaction
    keeps nobody waiting for its locks for longer than 10.
    """
    query_options = make_url(url).query.get("options", ())
    callers_options = [query_options] if isinstance(query_options, str) else list(query_options)
    return {
        "connect_timeout": 10,  # seconds, as all but the last
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 4,
        "tcp_user_timeout": 30_000,  # milliseconds
        "options": " ".join(["-c idle_in_transaction_session_timeout=10s", *callers_options]),
    }


def _postgres_engines(url: str) -> tuple[AsyncEngine, AsyncEngine]:
    # last in, first out: a connection that sent a part keeps a buffer of its size, so few should have to
    pool = {"pool_size": 10, "max_overflow": 10, "pool_pre_ping": True, "pool_use_lifo": True}
    address = driver_url(url, asynchronous=True)
    engine = create_async_engine(address, **pool, connect_args=postgres_options(url), hide_parameters=True)
    poolers.suit(engine.sync_engine)
    return engine, engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _sqlite_engines(url: str, vault: Vault) -> tuple[AsyncEngine, AsyncEngine]:
    address = driver_url(url, asynchronous=True)
    opened = {"timeout": 30, "async_creator_fn": connect}  # seconds that a lock is waited for
    options = {"connect_args": opened, "hide_parameters": True}  # a parameter may be a cell of a file
    writer = create_async_engine(address, pool_size=1, max_overflow=0, **options)
    reader = create_async_engine(address, pool_size=4, max_overflow=4, **options)
    log_limit = f"journal_size_limit={LOG_LIMIT_BYTES}"
    _on_connect(writer, "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", log_limit)
    if vault.opens:
        event.listens_for(writer.sync_engine, "connect")(overwrite_deleted)
    _on_connect(reader, "query_only=ON", "foreign_keys=ON")
    _on_begin(writer, "BEGIN IMMEDIATE")
    _on_begin(reader, "BEGIN DEFERRED")
    return writer, reader


def _on_connect(engine: AsyncEngine, *pragmas: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: the driver would say it too late, and plainly
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


def overwrite_deleted(connection: Any, _record: object = None) -> None:
    """See that a deleted data key is overwritten within its page, which costs nothing. Some builds overwrite all."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA secure_delete")
    if not cursor.fetchone()[0]:
        cursor.execute("PRAGMA secure_delete = FAST")
    cursor.close()


def _on_begin(engine: AsyncEngine, statement: str) -> None:
    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        raw = connection.connection.driver_connection
        assert isinstance(raw, OneTrip)
        raw.begin(statement)
