"""What a migration takes away from the version before it, and which tables it keeps from those who work with them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Engine, event

COLUMNS = """
SELECT table_name || '.' || column_name, table_name, data_type, character_maximum_length, is_nullable = 'YES',
       column_default IS NOT NULL OR is_identity = 'YES'
FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'alembic_version'
"""
CONSTRAINTS = """
SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = current_schema()::regnamespace AND contype <> 'n'
"""
UNIQUE_INDEXES = """
SELECT indexrelid::regclass::text, indrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indisunique AND NOT indisprimary
AND indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
"""
LONG_LOCKS = {
    "an index is built while others wait: use migrations.indexes.create_index": re.compile(
        r'CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)\S+ ON "?(\w+)'
    ),
    "every row is looked at under a lock: add it NOT VALID, and VALIDATE it in a migration of its own": re.compile(
        r'ALTER TABLE "?(\w+)"? ADD (?:CONSTRAINT \S+ )?(?:CHECK|FOREIGN KEY)(?!.*NOT VALID)', re.DOTALL
    ),
    "every row is looked at, or an index built, under a lock": re.compile(
        r'ALTER TABLE "?(\w+)"? '
        r"(?:ADD (?:CONSTRAINT \S+ )?(?:UNIQUE|PRIMARY KEY) \(|ALTER COLUMN \S+ (?:SET NOT NULL|TYPE))"
    ),
    "every row is written in one transaction: do it in batches": re.compile(r'(?:UPDATE|DELETE FROM) "?(\w+)"?'),
}


@dataclass(frozen=True, slots=True)
class Column:
    table: str
    type: str
    length: int | None
    is_nullable: bool
    has_default: bool


@dataclass(frozen=True, slots=True)
class Schema:
    """Of a PostgreSQL database, as the code that works with it meets it."""

    columns: dict[str, Column]
    rules: dict[str, tuple[str, str]]  # constraint or unique index → (its table, what it says)

    @property
    def tables(self) -> set[str]:
        return {column.table for column in self.columns.values()}


def schema_of(line: psycopg.Connection[Any]) -> Schema:
    columns = {name: Column(*values) for name, *values in line.execute(COLUMNS).fetchall()}
    rules = line.execute(CONSTRAINTS).fetchall() + line.execute(UNIQUE_INDEXES).fetchall()
    return Schema(columns, {name: (table.strip('"'), definition) for name, table, definition in rules})


def taken_away(before: Schema, after: Schema) -> list[str]:
    """What code that knows the schema before could do, and cannot any more. Empty: it may go on."""
    found = [f"the table {table} is gone" for table in sorted(before.tables - after.tables)]
    for name, column in before.columns.items():
        if column.table in after.tables:
            found += _changed(name, column, after.columns.get(name))
    found += [
        f"{name} is asked of who does not know it: it may be empty, or has a default"
        for name, column in after.columns.items()
        if name not in before.columns and column.table in before.tables
        if not column.is_nullable and not column.has_default
    ]
    found += [
        f"{name} forbids rows of {table} that were allowed"
        for name, (table, says) in after.rules.items()
        if table in before.tables and before.rules.get(name) != (table, says)
        if not _is_of_new_columns(says, before, after, table)
    ]
    lost = [name for name, (table, says) in before.rules.items() if "UNIQUE" in says and table in after.tables]
    return found + [f"{name} is gone, by which rows are recognised" for name in lost if name not in after.rules]


def _changed(name: str, before: Column, after: Column | None) -> list[str]:
    if after is None:
        return [f"{name} is gone"]
    found = []
    shorter = before.length != after.length and (after.length or 10**9) < (before.length or 10**9)
    if before.type != after.type or shorter:
        found.append(f"{name} is of another type")
    if before.is_nullable and not after.is_nullable:
        found.append(f"{name} may not be empty any more")
    if before.has_default and not after.has_default and not after.is_nullable:
        found.append(f"{name} has no default any more")
    return found


def _is_of_new_columns(says: str, before: Schema, after: Schema, table: str) -> bool:
    """A rule for columns that the code before leaves empty says nothing of its rows. A default could break it."""
    named = {name for name, column in after.columns.items() if column.table == table}
    used = {name for name in named if re.search(rf"\b{name.partition('.')[2]}\b", says.partition(" REFERENCES ")[0])}
    return bool(used) and all(name not in before.columns and not after.columns[name].has_default for name in used)


def long_locks(before: Schema, statements: list[str]) -> list[str]:
    """The statements that would keep a table of the version before from others for as long as it is large."""
    return [
        f"{table}: {why}: {statement.strip()}"
        for statement in statements
        for why, pattern in LONG_LOCKS.items()
        for table in pattern.findall(statement)
        if table in before.tables
    ]


@contextmanager
def recorded() -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    statements: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", record)
