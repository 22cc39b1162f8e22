"""The watch over the schema: a database that was upgraded under a process takes no more of its writes."""

import pytest

import migrations
from app.store import schema
from app.store.database import Database, WrongSchema
from app.store.schema_watch import SchemaWatch


async def test_while_the_schema_is_another_versions_every_write_is_refused(db: Database):
    """And taken again once it is right."""
    await SchemaWatch(db, "9999").look()
    with pytest.raises(WrongSchema, match="sluice migrate"):
        async with db.write():
            raise AssertionError("unreachable")
    await SchemaWatch(db, migrations.head()).look()
    async with db.write() as tx:
        await schema.check(tx, migrations.head())
