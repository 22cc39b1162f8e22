"""What SQLite and PostgreSQL say in different words."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Double, Interval, String, Table, cast, extract, func, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def upsert(tx: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, which is each database's own in SQLAlchemy."""
    return sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)


def hour_of(tx: AsyncConnection, column: ColumnElement[Any]) -> ColumnElement[str]:
    """The hour in UTC that a column's moments are in: `2026-11-23T10`."""
    if tx.dialect.name == "sqlite":
        return func.substr(column, 1, 13, type_=String)
    return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24', type_=String)


def seconds_between(tx: AsyncConnection, start: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[float]:
    """The seconds from one column's moment to another's."""
    if tx.dialect.name == "sqlite":
        return (func.julianday(end) - func.julianday(start)) * 86_400.0
    return cast(extract("epoch", end - start), Double)


def later(tx: AsyncConnection, column: ColumnElement[Any], seconds: float) -> ColumnElement[Any]:
    """A column's moments, so many seconds on; SQLite keeps them as text, and calculates to the millisecond."""
    if tx.dialect.name == "sqlite":
        return func.strftime("%Y-%m-%dT%H:%M:%f", column, f"{seconds:+.3f} seconds", type_=String).concat("000Z")
    return column + literal(timedelta(seconds=seconds), Interval())
