"""Connections that go through a pooler, or to a server that takes no writes any more."""

import psycopg
import pytest
from sqlalchemy import text

from app.store import poolers
from app.store.database import AWAY, Database

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
    """Only a pooler tells another number than the server does."""
    db = Database(postgres_url)
    async with db.read() as tx:
        connection = (await tx.get_raw_connection()).driver_connection
        process = (await tx.execute(text(poolers.SESSION))).scalar_one()
        assert connection is not None
        assert connection.prepare_threshold is not None
        assert not poolers.is_pooler(connection, process)
        assert poolers.is_pooler(connection, process + 1)
    await db.close()
