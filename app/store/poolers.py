"""What stands between us and PostgreSQL: a pooler that hands out sessions, a failover that puts another server there.

A pooler in transaction mode (PgBouncer) gives each transaction any session it has: what belongs to a session (prepared
statements, LISTEN, advisory locks) is lost or another's. It is known by the number of the session's process: it tells
its callers another one than the server does.
"""

from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

READ_ONLY = "25006"  # PostgreSQL, "Error codes": read_only_sql_transaction
SESSION = "SELECT pg_backend_pid()"


def suit(engine: Engine) -> None:
    """Have connections of this engine do without what a pooler takes away, and leave a server that became a standby."""

    @event.listens_for(engine, "connect")
    def prepare_nothing_for_others(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(SESSION)
        (process,) = cursor.fetchone()
        cursor.close()
        connection.rollback()
        if is_pooler(connection.driver_connection, process):
            connection.driver_connection.prepare_threshold = None

    @event.listens_for(engine, "handle_error")
    def leave_a_standby(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
            context.is_disconnect = True  # so the next connection looks anew for a server that takes writes


def is_pooler(connection: Any, process: int) -> bool:
    """`process`: what the server said of itself on this connection of psycopg."""
    return bool(connection.info.backend_pid != process)
