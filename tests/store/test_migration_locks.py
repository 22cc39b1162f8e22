"""Migrations among others who work with the tables: they wait for no lock for long, and build indexes beside them."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, text

import migrations
from app.store.database import driver_url
from migrations.drift import drift
from migrations.locks import hold_turn, limit_waits, retry_locked
from tests.support.patience import seconds, wait_until

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'alembic_version'::regclass"


@contextmanager
def in_use(url: str, table: str) -> Iterator[psycopg.Connection[tuple[int, ...]]]:
    """A transaction that has read a table, and stays open; and a connection to look on with."""
    with psycopg.connect(url) as reader, psycopg.connect(url, autocommit=True) as looking:
        reader.execute(f"SELECT 1 FROM {table}")
        yield looking


def test_others_go_on_while_a_migration_waits_for_a_table(postgres_url: str):
    """A reader that stays open keeps it from its lock; those who come later get through, and at last it does too."""
    migrations.downgrade(postgres_url, "0020")
    child = threading.Thread(target=migrations.upgrade, args=(postgres_url,))
    with in_use(postgres_url, "alembic_version") as looking:
        child.start()
        for _ in range(2):  # it has given up and come back
            wait_until(lambda: looking.execute(WAITING).fetchone() == (1,), "the migration to wait")
            looking.execute("SELECT version_num FROM alembic_version")  # behind it; it comes through
            wait_until(lambda: looking.execute(WAITING).fetchone() == (0,), "it to let others go")
    child.join(seconds())
    assert migrations.revision(postgres_url) == migrations.head()


def test_the_docs_have_a_query_that_shows_who_is_in_the_way(postgres_url: str):
    """Transactions that were left open, and not the one that asks; here with any age."""
    docs = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
    (query,) = re.findall(r'-c "(SELECT pid, .*pg_stat_activity.*)"$', docs, flags=re.MULTILINE)
    with in_use(postgres_url, "session") as looking:
        query = query.replace(" < now() - interval '1 minute'", " < now()")
        assert [row[3] for row in looking.execute(query)] == ["SELECT 1 FROM session"]


def test_who_stays_locked_out_says_what_to_do(postgres_url: str):
    """And what was begun is undone, for the next try."""

    def migrate(connection: Connection) -> None:
        with connection.begin():
            connection.execute(text("CREATE TABLE half_done (id int)"))
            connection.execute(text("ALTER TABLE session ADD COLUMN colour text"))

    engine = create_engine(driver_url(postgres_url, asynchronous=False))
    with in_use(postgres_url, "session") as looking:
        with engine.connect() as connection:
            limit_waits(connection)
            with pytest.raises(migrations.StillLocked, match="pg_stat_activity"):
                retry_locked(connection, migrate, tries=1)
        assert looking.execute("SELECT to_regclass('half_done')").fetchone() == (None,)
    engine.dispose()


def test_what_is_no_lock_is_no_reason_to_try_again(postgres_url: str):
    """A mistake in a migration is told at once."""

    def migrate(connection: Connection) -> None:
        connection.execute(text("SELECT 1 / 0"))

    engine = create_engine(driver_url(postgres_url, asynchronous=False))
    with engine.connect() as connection, pytest.raises(Exception, match="division by zero"):
        retry_locked(connection, migrate)
    engine.dispose()


def test_a_second_one_waits_for_its_turn_without_a_snapshot(postgres_url: str):
    """Or the first one's CREATE INDEX CONCURRENTLY would wait for it, and it for the first one."""
    engine = create_engine(driver_url(postgres_url, asynchronous=False))
    begun, done = threading.Event(), threading.Event()

    def second() -> None:
        begun.set()
        with hold_turn(engine):
            done.set()

    with hold_turn(engine):
        child = threading.Thread(target=second)
        child.start()
        assert begun.wait(seconds())
        with psycopg.connect(postgres_url, autocommit=True) as line:
            line.execute("CREATE INDEX CONCURRENTLY ix_new ON part (alike)")
            line.execute("DROP INDEX CONCURRENTLY ix_new")
        assert not done.is_set()
    child.join(seconds())
    assert done.is_set()
    engine.dispose()


def test_0020_an_index_of_a_try_that_broke_off_is_built_anew(postgres_url: str):
    """PostgreSQL leaves one that nobody reads by."""
    migrations.downgrade(postgres_url, "0019")
    with psycopg.connect(postgres_url, autocommit=True) as line:
        line.execute("CREATE INDEX ix_import_file_name ON import (label)")
        line.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_import_file_name'::regclass")
    migrations.upgrade(postgres_url)
    assert drift(postgres_url) == []
    with psycopg.connect(postgres_url) as line:
        (definition,) = line.execute("SELECT pg_get_indexdef('ix_import_file_name'::regclass)").fetchone() or ("",)
    assert "(file_name text_pattern_ops, id)" in definition
