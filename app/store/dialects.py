"""What SQLite and PostgreSQL say in different words."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Interval, String, Table, func, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def upsert(tx: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, which is each database's own in SQLAlchemy."""
    return sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)


def later(tx: AsyncConnection, column: ColumnElement[Any], seconds: float) -> ColumnElement[Any]:
    """A column's moments, so many seconds on; SQLite keeps them as text, and calculates to the millisecond."""
    if tx.dialect.name == "sqlite":
        return func.strftime("%Y-%m-%dT%H:%M:%f", column, f"{seconds:+.3f} seconds", type_=String).concat("000Z")
    return column + literal(timedelta(seconds=seconds), Interval())
