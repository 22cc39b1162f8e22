"""PostgreSQL databases that tests use one after the other: to empty one takes a tenth of what a new one does."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from app.store.tables import metadata
from tests.support import databases

SMALL_BYTES = 256 * 1024  # of a table; what is larger is truncated, which leaves no dead rows and takes longer

SCHEMA = """
SELECT (SELECT version_num FROM alembic_version),
       (SELECT row(count(*), max(oid)) FROM pg_class), (SELECT row(count(*), max(oid)) FROM pg_proc),
       (SELECT row(count(*), max(oid)) FROM pg_type), (SELECT row(count(*), max(oid)) FROM pg_constraint),
       (SELECT row(count(*), max(oid), count(*) FILTER (WHERE tgenabled <> 'O')) FROM pg_trigger),
       (SELECT row(count(*), sum(atttypid::int), count(*) FILTER (WHERE attnotnull)) FROM pg_attribute),
       (SELECT row(count(*), max(oid)) FROM pg_namespace), (SELECT row(count(*), max(oid)) FROM pg_attrdef),
       (SELECT count(*) FROM pg_statistic WHERE starelid >= 16384),
       (SELECT count(*) FROM pg_db_role_setting),
       (SELECT row(datconnlimit, datallowconn) FROM pg_database WHERE datname = current_database())
"""
"""Changes with whatever a test may do to a database besides reading and writing rows; an ANALYZE included."""

EMPTY = """
DO $$
DECLARE
    tables text[] := {tables};
    large text := (SELECT string_agg(t, ', ') FROM unnest(tables) AS t WHERE pg_table_size(t::regclass) > {small});
    name text;
BEGIN
    IF large IS NOT NULL THEN
        EXECUTE 'TRUNCATE ' || large || ' CASCADE';
    END IF;
    FOREACH name IN ARRAY tables LOOP
        IF pg_relation_size(name::regclass) > 0 THEN
            EXECUTE 'DELETE FROM ' || name;
        END IF;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
        FROM pg_sequences WHERE last_value IS NOT NULL;
END $$
"""
OTHERS_GONE = """
SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Pool:
    """Hands out databases with the current schema and nothing in them."""

    def __init__(self, server: str, template: str) -> None:
        self._server, self._template = server, template
        self._free: list[str] = []
        self._schema: tuple[object, ...] | None = None
        names = [sql.Literal(f'"{table.name}"') for table in reversed(metadata.sorted_tables)]
        tables = sql.SQL("ARRAY[{}]").format(sql.SQL(", ").join(names))
        self._empty = sql.SQL(EMPTY).format(tables=tables, small=sql.Literal(SMALL_BYTES))

    @contextmanager
    def borrowed(self) -> Iterator[str]:
        """The URL of a database for one test. Whoever is still connected to it afterwards is thrown out."""
        name = self._free.pop() if self._free else self._new()
        try:
            yield databases.named(self._server, name)
        finally:
            if self._emptied(name):
                self._free.append(name)
            else:
                databases.drop_copy(self._server, name)

    def close(self) -> None:
        while self._free:
            databases.drop_copy(self._server, self._free.pop())

    def _new(self) -> str:
        name = databases.create_copy(self._server, self._template)
        if self._schema is None:
            with psycopg.connect(databases.named(self._server, name)) as line:
                self._schema = line.execute(SCHEMA).fetchone()
        return name

    def _emptied(self, name: str) -> bool:
        """False: something besides its rows has changed, and the next one to use it could notice."""
        try:
            with psycopg.connect(databases.named(self._server, name), autocommit=True) as line:
                line.execute(OTHERS_GONE)
                if line.execute(SCHEMA).fetchone() != self._schema:
                    return False
                line.execute(self._empty)
        except psycopg.Error:  # whatever a test has done to it
            return False
        return True
