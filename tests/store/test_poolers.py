"""Connections that go through a pooler, or to a server that takes no writes any more."""

import psycopg
import pytest
from sqlalchemy import text

from app.store.database import AWAY, Database
from tests.support.pooler import pooled

WRITE = text("UPDATE alembic_version SET version_num = version_num")


async def test_a_session_that_takes_no_writes_is_given_up_for_a_new_one(postgres_url: str):
    """The server, or the one that took its place, takes writes again: that is noticed without a restart."""
    db = Database(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as line:
        name = psycopg.sql.Identifier(line.info.dbname)
        order = psycopg.sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
        line.execute(order.format(name, psycopg.sql.SQL("on")))
        try:
            with pytest.raises(AWAY, match="read-only transaction"):
                async with db.write() as tx:
                    await tx.execute(WRITE)
            line.execute(order.format(name, psycopg.sql.SQL("off")))
            async with db.write() as tx:
                await tx.execute(WRITE)
        finally:
            await db.close()
            line.execute(psycopg.sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))


async def test_a_session_of_the_server_itself_prepares_its_statements(postgres_url: str):
    """It costs less time the next time."""
    assert await prepared(postgres_url) > 0


async def test_through_a_pooler_nothing_is_prepared(postgres_url: str):
    """The next transaction may get a session that knows nothing of it, or has another one of that name."""
    with pooled(postgres_url) as url:
        assert await prepared(url) == 0


async def prepared(url: str) -> int:
    """How many statements a session keeps, after one of them was executed often."""
    db = Database(url)
    try:
        async with db.write() as tx:
            for _ in range(10):
                await tx.execute(WRITE)
            return int((await tx.execute(text("SELECT count(*) FROM pg_prepared_statements"))).scalar_one())
    finally:
        await db.close()
