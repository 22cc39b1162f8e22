"""What the databases say in different words means the same on both."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, literal, select

from app.store.database import Database
from app.store.dialects import hour_of, seconds_between, starts_with, take_ids
from app.store.tables import event, import_, part
from tests.store.seed import AT, an_import


async def test_ids_are_new_and_rise_also_where_several_are_taken_in_one_transaction(db: Database):
    """Whoever inserts without taking any gets others."""
    first = await an_import(db)
    async with db.write() as tx:
        taken = await take_ids(tx, (import_, event), 3)
        assert taken[import_] == sorted(taken[import_])
        assert len(set(taken[import_])) == len(set(taken[event])) == 3
        assert min(taken[import_]) > first
        rows = [{"id": id_, "at": AT, "instance": "default", "type": "x", "data": {}} for id_ in taken[event]]
        await tx.execute(insert(event), rows)
        (again,) = (await take_ids(tx, (event,), 1))[event]
        assert again > max(taken[event])
        new = insert(event).values(at=AT, instance="default", type="x", data={}).returning(event.c.id)
        assert (await tx.execute(new)).scalar_one() not in {*taken[event]}


@pytest.mark.parametrize(
    ("name", "beginning", "does"),
    [("50%_off.csv", "50%_", True), ("50xxoff.csv", "50%_", False), ("Zoë.csv", "Zo", True), ("zoë.csv", "Zo", False)],
)
async def test_a_beginning_is_compared_character_by_character(db: Database, name: str, beginning: str, does: bool):
    async with db.read() as tx:
        found = (await tx.execute(select(starts_with(tx, literal(name), beginning)))).scalar_one()
    assert bool(found) is does


async def test_hours_and_seconds_of_stored_moments(db: Database):
    await an_import(db)
    async with db.write() as tx:
        await tx.execute(part.update().values(submitted_at=AT, finished_at=AT + timedelta(seconds=90)))
        of_part = select(hour_of(tx, part.c.submitted_at), seconds_between(tx, part.c.submitted_at, part.c.finished_at))
        hour, seconds = (await tx.execute(of_part)).one()
    assert hour == AT.strftime("%Y-%m-%dT%H")
    assert seconds == pytest.approx(90, abs=0.01)
