"""Whose schema it is: nothing is written into another version's."""

import pytest

import migrations
from app.store import schema
from app.store.database import Database, WrongSchema


@pytest.mark.parametrize(
    ("revision", "advice"),
    [("0007", None), ("0006", "sluice migrate"), (None, "sluice migrate"), ("0008", "run the newer version")],
)
def test_the_refusal_says_what_to_do(revision: str | None, advice: str | None):
    """An older schema is upgraded, for a newer one there is a newer program."""
    refusal = schema.refusal(revision, "0007")
    assert refusal is None if advice is None else advice in (refusal or "")


@pytest.mark.parametrize(("oldest", "may_write"), [("0006", True), ("0007", True), ("0008", False), (None, False)])
def test_a_newer_schema_is_worked_with_where_it_says_that_this_version_may(oldest: str | None, may_write: bool):
    """What was taken out of it then, this version does not look for."""
    assert (schema.refusal("0009", "0007", oldest) is None) == may_write


async def test_a_writer_asks_in_its_own_transaction(db: Database):
    """So the schema cannot change behind the answer."""
    async with db.write() as tx:
        assert await schema.revision(tx) == migrations.head()
        await schema.check(tx, migrations.head())
        with pytest.raises(WrongSchema, match="run the newer version"):
            await schema.check(tx, "0000")
