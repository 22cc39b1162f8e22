"""What SQLite and PostgreSQL say in different words."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    Interval,
    String,
    Table,
    and_,
    cast,
    column,
    extract,
    func,
    insert,
    literal,
    select,
    table,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

LAST_CHARACTER = chr(0x10FFFF)
FIRST_SURROGATE, FIRST_BEHIND_SURROGATES = 0xD800, 0xE000  # half characters, which no text holds

SEQUENCES = table("sqlite_sequence", column("name"), column("seq"))
"""SQLite's own: the last id that each table has given out."""


def upsert(tx: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, which is each database's own in SQLAlchemy."""
    return sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)


async def take_ids(tx: AsyncConnection, tables: Sequence[Table], number: int) -> dict[Table, list[int]]:
    """So many new ids for rows of each of these tables, in rising order. The transaction has to be one that writes.

    One statement for all of them, where rows that come back with their insert would take one each (SQLite), or long
    ones (PostgreSQL). SQLite has one writer at a time, so nobody else can take them meanwhile.
    """
    if tx.dialect.name == "sqlite":
        names = [table.name for table in tables]
        last = {row.name: row.seq for row in await tx.execute(select(SEQUENCES).where(SEQUENCES.c.name.in_(names)))}
        first = {table: last.get(table.name, 0) + 1 for table in tables}
        return {table: list(range(first[table], first[table] + number)) for table in tables}
    new = [func.nextval(func.pg_get_serial_sequence(f'"{table.name}"', "id")) for table in tables]
    rows = (await tx.execute(select(*new).select_from(func.generate_series(1, number)))).all()
    return {table: sorted(ids) for table, ids in zip(tables, zip(*rows, strict=True), strict=True)}


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


async def skip_ids(tx: AsyncConnection, table: Table, number: int) -> None:
    """Give out none of the next so many ids of a table. The transaction has to be one that writes."""
    if tx.dialect.name == "sqlite":
        last = (await tx.execute(select(SEQUENCES.c.seq).where(SEQUENCES.c.name == table.name))).scalar_one_or_none()
        if last is None:
            await tx.execute(insert(SEQUENCES).values(name=table.name, seq=number))
        else:
            await tx.execute(update(SEQUENCES).where(SEQUENCES.c.name == table.name).values(seq=last + number))
        return
    sequence = func.pg_get_serial_sequence(f'"{table.name}"', "id")
    await tx.execute(select(func.setval(sequence, func.nextval(sequence) + number)))
