"""A byte of what is stored changes on its disk: it goes nowhere, and somebody is told."""

from typing import Any

import pytest
from sqlalchemy import LargeBinary, select, update

from app.operations.integrity import Condition, Integrity
from app.store.database import Database
from app.store.tables import part, part_file, part_keys, result_file
from tests.story.files import LEADS, LEADS_WITH_TROUBLE, leads
from tests.support.logged import Log, log
from tests.support.stage import Stage
from tests.support.tiers import chosen

__all__ = ["log"]


async def spoil(db: Database, column: Any, *, of: int = 1, at: int = -6) -> None:
    """Change one bit of the value that belongs to part number `of` of the newest import, as a disk would."""
    table = column.table
    async with db.write() as tx:
        newest = select(part.c.id, part.c.job_id).where(part.c.number == of).order_by(part.c.id.desc()).limit(1)
        part_id, job_id = (await tx.execute(newest)).one()
        is_its_own = table.c.job_id == job_id if table is result_file else table.c.part_id == part_id
        held = bytearray((await tx.execute(select(column).where(is_its_own))).scalars().first())
        held[at] ^= 1
        await tx.execute(update(table).where(is_its_own).values({column.name: bytes(held)}))


@pytest.mark.both_databases
async def test_a_part_that_has_changed_is_never_sent(stage: Stage, log: Log):
    """Its import says so; the import beside it, and the same file uploaded again, go their way."""
    damaged = await stage.created(leads(3))
    await spoil(stage.container.db, part_file.c.blob)
    whole = await stage.created(leads(3, start=10))
    await stage.run()
    told, (only,) = await stage.read(damaged), await stage.parts(damaged)
    assert (told["status"], told["error"]["code"]) == ("failed", "corrupt")
    assert (only["state"], only["error"]["code"], only["attempts"]) == ("failed", "corrupt", 0)
    assert told["rows"] == {"total": 3, "imported": 0, "failed": 0, "warned": 0, "pending": 3}
    assert (await stage.events(damaged))[-2:] == ["refuse", "finished"]
    assert log.lines("a part is damaged, and is not sent")[0]["import_ids"] == [damaged]
    assert (await stage.read(whole))["status"] == "complete"
    assert len(stage.posted) == 1
    assert (await stage.api.get("/v1/instances/default")).json()["slots"]["used"] == 0
    again = await stage.created(leads(3))
    await stage.run()
    assert (await stage.read(again))["status"] == "complete"


@pytest.mark.parametrize("at", chosen([0, 3, 12, -1], 12))
@pytest.mark.both_databases
async def test_whichever_byte_it_is(stage: Stage, at: int):
    """In the frame's head, in its rows, at its end."""
    damaged = await stage.created(leads(40))
    await spoil(stage.container.db, part_file.c.blob, at=at)
    await stage.run()
    assert (await stage.read(damaged))["error"]["code"] == "corrupt"
    assert stage.posted == []


async def test_the_parts_beside_a_damaged_one_are_imported(stage: Stage):
    """The rows of one part are not those of another."""
    object.__setattr__(stage.container.intake.limits, "part_bytes", 1000)
    import_id = await stage.created(leads(100))
    await spoil(stage.container.db, part_file.c.blob, of=2)
    await stage.run()
    states = [item["state"] for item in await stage.parts(import_id)]
    assert states.count("failed") == 1
    assert states[1] == "failed"
    assert states.count("complete") == len(states) - 1 > 1
    assert (await stage.read(import_id))["error"]["code"] == "corrupt"


async def test_damaged_rows_are_not_sent_again_either(stage: Stage):
    """A retry reads what is stored, too."""
    import_id = await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()
    await spoil(stage.container.db, part_file.c.blob)
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry-failures")
    assert (answer.status_code, answer.json()["code"]) == (409, "rows_damaged")
    damaged = await stage.created(LEADS)
    await spoil(stage.container.db, part_file.c.blob)
    await stage.run()
    answer = await stage.api.post(f"/v1/imports/{damaged}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "rows_damaged")
    async with stage.container.db.read() as tx:
        assert len((await tx.execute(select(part.c.import_id).distinct())).all()) == 2, "nothing is left of them"


async def test_results_of_a_part_that_was_damaged_meanwhile_are_not_guessed_at(stage: Stage):
    """Marketo has its rows as they were; which of them it means nobody can tell any more."""
    import_id = await stage.created(LEADS_WITH_TROUBLE)
    while (await stage.parts(import_id))[0]["state"] != "collecting":
        await stage.instance_worker.submit.run_once(stage.lease)
        stage.clock.step(5)
        await stage.take_lease()
        await stage.instance_worker.poll.run_once(stage.lease)
    await spoil(stage.container.db, part_file.c.blob)
    await stage.run()
    answer = await stage.read(import_id)
    assert (answer["status"], answer["attention"]["code"]) == ("complete", "results_missing")
    assert (answer["rows"]["failed"], answer["rows"]["imported"]) == (2, 3)


async def test_ONE_KEY_AT_A_TIME_damaged_keys_may_be_any(stage: Stage):
    """Nobody knows what they were: their part and others of its kind go one after the other."""
    first = await stage.created(leads(3))
    second = await stage.created(leads(3, start=10))
    await spoil(stage.container.db, part_keys.c.digests, at=0)
    while await stage.instance_worker.submit.run_once(stage.lease):
        pass
    assert [(await stage.parts(n))[0]["state"] for n in (first, second)] == ["queued", "waiting"]
    assert (await stage.parts(second))[0]["waiting_for"] == "same_records"
    await stage.run()
    assert [(await stage.read(n))["status"] for n in (first, second)] == ["complete", "complete"]


async def test_what_was_stored_before_there_were_checksums_is_used_and_said_to_be_unchecked(stage: Stage):
    """As after an upgrade; where it cannot even be read, it is corrupt all the same."""
    readable = await stage.created(leads(3))
    torn = await stage.created(leads(3, start=10))
    async with stage.container.db.write() as tx:
        for table in (part_file, part_keys):
            await tx.execute(update(table).values(checksum=None))
    await spoil(stage.container.db, part_file.c.blob, at=2)
    found = await conditions(stage.container.db)
    assert found == {
        ("part_file", readable): "unchecked",
        ("part_file", torn): "corrupt",
        ("part_keys", readable): "unchecked",
        ("part_keys", torn): "unchecked",
    }
    await stage.run()
    assert (await stage.read(readable))["status"] == "complete"
    assert (await stage.read(torn))["error"]["code"] == "corrupt"


async def conditions(db: Database) -> dict[tuple[str, int], Condition]:
    return {(found.table, found.import_id): found.condition async for found in Integrity(db).look()}


@pytest.mark.one_database
@pytest.mark.both_databases
async def test_every_kind_of_stored_bytes_is_looked_at(stage: Stage):
    """Uploaded rows and their numbers, keys, result files: a changed bit in any is found, and nothing else is."""
    for n in range(12):  # more than one look at each table
        await stage.created(leads(3, start=10 * n))
    made = await stage.created(LEADS_WITH_TROUBLE)
    assert set((await conditions(stage.container.db)).values()) == {"whole"}
    await spoil(stage.container.db, part_keys.c.digests)
    found = await conditions(stage.container.db)
    assert [key for key, condition in found.items() if condition != "whole"] == [("part_keys", made)]
    await stage.run()
    for column in (result_file.c.blob, part_file.c.blob):
        await spoil(stage.container.db, column)
    found = await conditions(stage.container.db)
    assert {key for key, condition in found.items() if condition != "whole"} == {
        ("part_file", made),
        ("result_file", made),
    }
    assert len(found) == 13 + 1  # keys go with the end of a part
    binaries = {
        (table.name, column.name)
        for table in part.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name != "checksum"
    }
    assert binaries == {
        ("part_file", "blob"),
        ("part_file", "row_numbers"),
        ("part_keys", "digests"),
        ("result_file", "blob"),
        ("data_key", "wrapped"),  # looked at with what it seals
    }


async def test_a_number_that_moved_from_one_value_into_the_other_is_noticed(stage: Stage):
    """The checksum is of both, each with its length."""
    await stage.created(leads(3))
    async with stage.container.db.write() as tx:
        blob = (await tx.execute(select(part_file.c.blob))).scalar_one()
        await tx.execute(update(part_file).values(blob=bytes(blob)[:-1], row_numbers=bytes(blob)[-1:]))
    assert "corrupt" in (await conditions(stage.container.db)).values()
