"""Whether what is stored is what was stored: each value is whole, unchecked or corrupt, and nothing is changed."""

from typing import Any

import pytest
from sqlalchemy import insert, update

from app.files.compression import pack
from app.operations.integrity import Condition, Integrity
from app.store import blobs
from app.store.database import Database
from app.store.tables import part_file, part_keys, result_file
from tests.store.seed import an_import, parts_of
from tests.support import in_jobs

ROWS = b"email\na@b\n"  # of 8 bytes the part is said to have: two more


async def conditions(db: Database) -> dict[str, str]:
    return {finding.table: finding.condition async for finding in Integrity(db).look()}


async def with_values(db: Database, **columns: Any) -> int:
    """An import whose one part has a file that can be read, without a checksum, but for these columns."""
    import_id = await an_import(db)
    async with db.write() as tx:
        await tx.execute(update(part_file).values({"blob": pack(ROWS[:8]), "checksum": None, **columns}))
    return import_id


async def test_a_value_with_its_checksum_is_whole(db: Database):
    """Each finding says where the value stands."""
    blob = pack(b"anything")
    import_id = await with_values(db, blob=blob, checksum=await blobs.checksum(blob, None))
    (finding,) = [finding async for finding in Integrity(db).look()]
    assert (finding.import_id, finding.part, finding.part_state) == (import_id, 1, "waiting")
    assert (finding.table, finding.condition) == ("part_file", Condition.WHOLE)
    assert await Integrity(db).count() == 1
    assert await Integrity(db).complaints() == []


@pytest.mark.parametrize(
    ("columns", "condition"),
    [
        ({}, "unchecked"),
        ({"blob": pack(ROWS)}, "corrupt"),
        ({"blob": pack(ROWS[:8])[:-1]}, "corrupt"),
        ({"blob": b"no zstd"}, "corrupt"),
        ({"checksum": b"another"}, "corrupt"),
    ],
    ids=["can be read", "too long", "torn", "not packed", "another checksum"],
)
async def test_a_file_without_a_checksum_is_judged_by_what_can_be_told(
    db: Database, columns: dict[str, Any], condition: str
):
    """It has to unpack to as many bytes as its part has."""
    await with_values(db, **columns)
    assert await conditions(db) == {"part_file": condition}


@pytest.mark.parametrize(("digests", "condition"), [(bytes(16), "unchecked"), (bytes(15), "corrupt")])
async def test_keys_without_a_checksum_are_whole_digests(db: Database, digests: bytes, condition: str):
    """Of eight bytes each."""
    (only,) = await parts_of(db, await with_values(db))
    async with db.write() as tx:
        await tx.execute(insert(part_keys), {"part_id": only.id, "digests": digests, "checksum": None})
    assert (await conditions(db))["part_keys"] == condition


async def test_a_result_file_may_have_any_length(db: Database):
    """It only has to be one that can be unpacked."""
    (only,) = await parts_of(db, await with_values(db))
    async with db.write() as tx:
        job_id = await in_jobs.put(tx, only.id, "complete")
        row = {"job_id": job_id, "kind": "failures", "blob": pack(ROWS * 100), "checksum": None}
        await tx.execute(insert(result_file), row)
    assert (await conditions(db))["result_file"] == "unchecked"
