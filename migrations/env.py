"""Alembic's entry: constraints by their conventional names, batch mode for SQLite.

On PostgreSQL others work with the tables meanwhile: each migration is a transaction of its own, which waits for a lock
for a moment only, and is tried again. See `migrations/locks.py`.
"""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext
from sqlalchemy import JSON, BigInteger, Connection, create_engine, text

from app.store.database import driver_url
from app.store.schema import says_the_oldest
from app.store.tables import Moment, metadata
from migrations.locks import hold_turn, limit_waits, retry_locked


def by_our_names(kind: str, item: Any, seen: AutogenContext) -> str | Literal[False]:
    """Write the types of `tables.py` by their names there."""
    names = {Moment: "Moment()", JSON: "Json", BigInteger: "Number"}
    for known, name in names.items():
        if kind == "type" and isinstance(item, known):
            seen.imports.add(f"from app.store.tables import {name.removesuffix('()')}")
            return name
    return False


def _say_the_oldest(*, ctx: MigrationContext, heads: set[str], **_: object) -> None:
    """Write down which version may work with the schema that a migration has made, in its transaction."""
    connection = ctx.connection
    if connection is None or not heads or not says_the_oldest(connection):
        return
    (reached,) = heads
    migrations = context.script.walk_revisions(head=reached)
    oldest = max(getattr(migration.module, "oldest", "") for migration in migrations)
    connection.execute(text("UPDATE alembic_version SET oldest_revision = :oldest"), {"oldest": oldest})


def _migrate(connection: Connection) -> None:
    on_sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_server_default=True,
        render_item=by_our_names,
        render_as_batch=on_sqlite,
        transaction_per_migration=not on_sqlite,
        on_version_apply=_say_the_oldest,
    )
    with context.begin_transaction():
        context.run_migrations()


def run() -> None:
    url = context.config.attributes["url"]
    options = {} if url.startswith("sqlite") else {"prepare_threshold": None}  # a pooler hands out sessions
    engine = create_engine(driver_url(url, asynchronous=False), connect_args=options)
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":  # room can be given back if this comes before the first table
                connection.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")
                connection.commit()
                _migrate(connection)  # a file is locked by whoever has it
                return
            with hold_turn(engine):
                limit_waits(connection)
                retry_locked(connection, _migrate)
    finally:
        engine.dispose()


run()
