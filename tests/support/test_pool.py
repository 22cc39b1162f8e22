"""The databases that tests hand on: whoever gets one cannot tell that somebody had it before."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import func, select

from app.store.database import Database
from app.store.tables import metadata
from tests.store.seed import an_import
from tests.support.pool import SMALL_BYTES, Pool


@pytest.fixture
def pool(postgres_server: str, postgres_template: str) -> Iterator[Pool]:
    made = Pool(postgres_server, postgres_template)
    yield made
    made.close()


async def rows(url: str) -> int:
    db = Database(url)
    async with db.read() as tx:
        counts = [select(func.count()).select_from(table) for table in metadata.tables.values()]
        counted = [(await tx.execute(count)).scalar_one() for count in counts]
    await db.close()
    return sum(counted)


async def filled(url: str) -> int:
    """The id of the import that was made there."""
    db = Database(url)
    made = await an_import(db)
    await db.close()
    return made


async def test_what_a_test_wrote_is_gone_and_numbers_begin_anew(pool: Pool):
    """The same database, as good as new."""
    with pool.borrowed() as url:
        first = await filled(url)
        assert await rows(url) > 0
    with pool.borrowed() as again:
        assert again == url
        assert await rows(again) == 0
        assert await filled(again) == first


async def test_much_is_taken_away_as_well(pool: Pool):
    """Of a large table nothing is left that a scan would have to go through."""
    with pool.borrowed() as url, psycopg.connect(url, autocommit=True) as line:
        await filled(url)
        line.execute(
            "INSERT INTO event (at, instance, type, data) "
            "SELECT now(), 'default', 'paused', '{}' FROM generate_series(1, 9000)"
        )
        assert line.execute("SELECT pg_table_size('event')").fetchone() > (SMALL_BYTES,)
    with pool.borrowed() as again, psycopg.connect(again) as line:
        assert again == url
        assert line.execute("SELECT pg_relation_size('event')").fetchone() == (0,)


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE more ()",
        "ALTER TABLE event ADD more int",
        "ALTER TABLE event DROP COLUMN data",
        "ALTER TABLE import DROP CONSTRAINT ck_import_priority",
        "DROP INDEX ix_part_state",
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ANALYZE",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 5', current_database()); END $$",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET jit = off', current_database()); END $$",
        "UPDATE alembic_version SET version_num = '0001'",
    ],
)
async def test_a_database_whose_schema_was_changed_is_not_handed_on(pool: Pool, change: str):
    """Nor one that somebody measured: PostgreSQL would plan otherwise."""
    with pool.borrowed() as url:
        await filled(url)
        with psycopg.connect(url, autocommit=True) as line:
            line.execute(change)
    with pool.borrowed() as other:
        assert other != url
        assert await rows(other) == 0


async def test_whoever_is_still_connected_is_thrown_out(pool: Pool):
    """A transaction that a test left open holds nobody up."""
    with pool.borrowed() as url:
        left = psycopg.connect(url)
        left.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
    with pool.borrowed() as again:
        assert again == url
        assert await rows(again) == 0
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    left.close()
