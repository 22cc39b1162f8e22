"""What SQLite and PostgreSQL say in different words."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Double, Interval, String, Table, and_, cast, extract, func, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

LAST_CHARACTER = chr(0x10FFFF)
FIRST_SURROGATE, FIRST_BEHIND_SURROGATES = 0xD800, 0xE000  # half characters, which no text holds


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


def starts_with(tx: AsyncConnection, column: ColumnElement[Any], prefix: str) -> ColumnElement[bool]:
    """That a text begins with this one, character by character, for an index to answer: as a range, not by LIKE.

    PostgreSQL compares by code points only with these operators, and with an index of `text_pattern_ops`.
    """
    least, below = (">=", "<") if tx.dialect.name == "sqlite" else ("~>=~", "~<~")
    begins = column.bool_op(least)(prefix)
    end = _behind(prefix)
    return and_(begins, column.bool_op(below)(end)) if end else begins


def _behind(prefix: str) -> str:
    """The least text that is greater than all that begin so; empty where there is none. UTF-8 sorts by code points."""
    head = prefix.rstrip(LAST_CHARACTER)
    if not head:
        return ""
    following = ord(head[-1]) + 1
    return head[:-1] + chr(FIRST_BEHIND_SURROGATES if following == FIRST_SURROGATE else following)


def later(tx: AsyncConnection, column: ColumnElement[Any], seconds: float) -> ColumnElement[Any]:
    """A column's moments, so many seconds on; SQLite keeps them as text, and calculates to the millisecond."""
    if tx.dialect.name == "sqlite":
        return func.strftime("%Y-%m-%dT%H:%M:%f", column, f"{seconds:+.3f} seconds", type_=String).concat("000Z")
    return column + literal(timedelta(seconds=seconds), Interval())
