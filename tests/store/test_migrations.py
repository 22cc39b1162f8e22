"""The schema's history runs up and down on both databases, with rows in it."""

from datetime import UTC, datetime

from alembic.script import ScriptDirectory

import migrations
from app.domain.imports import Leads, Request, SourceFile
from app.store import imports, instances, parts
from app.store.database import Database
from migrations.drift import drift

AT = datetime(2026, 11, 4, 12, tzinfo=UTC)


def test_the_tables_and_the_migrations_say_the_same(empty_database_url: str):
    """Autogenerate finds nothing left to do."""
    assert drift(empty_database_url) == []


def test_the_head_is_what_alembic_takes_for_it():
    """Found by the files' numbers, without Alembic."""
    assert migrations.head() == ScriptDirectory.from_config(migrations.config()).get_current_head()


def test_an_empty_database_is_at_no_revision_and_a_migrated_one_at_the_head(empty_database_url: str):
    """What `sluice serve` refuses to start by."""
    assert migrations.revision(empty_database_url) is None
    migrations.upgrade(empty_database_url)
    assert migrations.revision(empty_database_url) == migrations.head()


async def test_migrations_run_down_and_up_again_with_rows_there(database_url: str):
    """A rollback of a deployment is not stopped by data."""
    database = Database(database_url)
    async with database.write() as tx:
        await instances.ensure(tx, ["default"])
        import_id = await imports.begin(tx, Request(target=Leads()), at=AT)
        await parts.add(tx, import_id, number=1, first_row=1, rows=1, size_bytes=8, blob=b"blob")
        turn = await imports.accept(tx, import_id, file=SourceFile(None, 8, "00", 1), columns=["email"], at=AT)
        await parts.release(tx, import_id, turn=turn, at=AT)
    await database.close()
    migrations.downgrade(database_url)
    assert migrations.revision(database_url) is None
    migrations.upgrade(database_url)
    assert migrations.revision(database_url) == migrations.head()
