"""Alembic's entry: one transaction, constraints by their conventional names, batch mode for SQLite."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON, BigInteger, Connection, create_engine, text

from app.store.database import driver_url
from app.store.tables import Moment, metadata

TURN = 0x51_1C_E0  # what those who migrate lock, on PostgreSQL; any number that nobody else takes will do


def by_our_names(kind: str, item: Any, seen: AutogenContext) -> str | Literal[False]:
    """Write the types of `tables.py` by their names there."""
    names = {Moment: "Moment()", JSON: "Json", BigInteger: "Number"}
    for known, name in names.items():
        if kind == "type" and isinstance(item, known):
            seen.imports.add(f"from app.store.tables import {name.removesuffix('()')}")
            return name
    return False


def _take_turns(connection: Connection) -> None:
    """Wait for others who bring the schema up to date, before it is read; a SQLite file is locked by who has it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})


def run() -> None:
    engine = create_engine(driver_url(context.config.attributes["url"], asynchronous=False))
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":  # room can be given back if this comes before the first table
                connection.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")
                connection.commit()
            context.configure(
                connection=connection,
                target_metadata=metadata,
                compare_server_default=True,
                render_item=by_our_names,
                render_as_batch=connection.dialect.name == "sqlite",
            )
            with context.begin_transaction():
                _take_turns(connection)
                context.run_migrations()
    finally:
        engine.dispose()


run()
