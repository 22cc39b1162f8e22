"""How migrations share PostgreSQL with whoever works there: they take turns, and wait for no lock for long.

A statement that changes a table waits until nobody uses it, and whoever comes later waits behind it. So it gives up
after half a second, lets the others go, and tries again.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError

from migrations import StillLocked

log = structlog.get_logger()

IN_USE = frozenset({"55P03", "40P01"})  # lock_not_available, deadlock_detected. PostgreSQL, "Error codes"
TURN = 0x51_1C_E0  # what those who migrate lock; any number that nobody else takes will do
LOOK_SECONDS = 0.2  # between two tries to take it
LOCK_TIMEOUT = "500ms"  # how long others may have to wait behind a migration that waits
PAUSE_SECONDS = 1.0  # on average, before the next try
TRIES = 300  # five to eight minutes


@contextmanager
def hold_turn(engine: Engine) -> Iterator[None]:
    """Wait for others who bring the schema up to date. PostgreSQL only.

    The lock belongs to a transaction of its own, for a pooler in transaction mode to keep them together. Nobody waits
    for it within a statement: that would have a snapshot, for whose end CREATE INDEX CONCURRENTLY waits.
    """
    with engine.connect() as line:
        while not line.execute(text("SELECT pg_try_advisory_xact_lock(:turn)"), {"turn": TURN}).scalar_one():
            line.rollback()
            time.sleep(LOOK_SECONDS)
        line.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield


def limit_waits(connection: Connection) -> None:
    """Let each transaction on this connection give up a lock that it does not get; what has none may wait."""

    @event.listens_for(connection, "begin")
    def limit(begun: Connection) -> None:
        if begun.get_isolation_level() != "AUTOCOMMIT":
            begun.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")


def retry_locked(connection: Connection, migrate: Callable[[Connection], None], tries: int = TRIES) -> None:
    """Go on with what is left to do whenever a table is in use. Errors: StillLocked."""
    for number in range(tries):
        try:
            migrate(connection)
        except OperationalError as error:
            connection.rollback()
            if getattr(error.orig, "sqlstate", None) not in IN_USE:
                raise
            if number == 0:
                log.warning("a table that is to be changed is in use: waiting for whoever uses it")
            time.sleep(random.uniform(0.5, 1.5) * PAUSE_SECONDS)  # noqa: S311
        else:
            return
    raise StillLocked(
        "a table that is to be changed was in use all the while: end the transaction that holds it (pg_stat_activity "
        "shows since when each is open), then run this again"
    )
