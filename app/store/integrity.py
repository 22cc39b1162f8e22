"""All that is stored as bytes, to be looked through: a few values in each transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.encryption.errors import MissingKey
from app.store import blobs, blockers, data_keys, part_files, sealed
from app.store.blobs import Corrupt
from app.store.tables import part, part_file, part_keys, result_file
from app.store.transaction import ReadTransaction

BLOBS_AT_ONCE = 10  # of at most about 10 MB each
CONTENTS: Mapping[Table, tuple[str, ...]] = {
    part_file: ("blob", "row_numbers"),
    part_keys: ("digests",),
    result_file: ("blob",),
}
"""The tables with bytes, and the columns that a checksum is of, in their order."""
_other = part.alias()


@dataclass(frozen=True, slots=True)
class Stored:
    """One row's bytes."""

    table: str
    key: tuple[Any, ...]  # to go on from
    import_id: int
    part_number: int
    state: str | None  # of its part
    has_checksum: bool
    whole: bool  # as far as its checksum says
    part_bytes: int  # of its part's file, unpacked
    contents: tuple[bytes | None, ...]


async def count(tx: AsyncConnection) -> int:
    return sum([(await tx.execute(select(func.count()).select_from(table))).scalar_one() for table in CONTENTS])


async def some(tx: ReadTransaction, table: Table, *, after: tuple[Any, ...] | None) -> list[Stored]:
    """The next few rows of a table. Empty: these were all."""
    key = list(table.primary_key.columns)
    about: list[ColumnElement[Any]] = [part.c.import_id, part.c.number, part.c.state, part.c.bytes.label("part_bytes")]
    of_table = [table.c[name] for name in (*CONTENTS[table], "checksum", "sealed")]
    columns = (*key, *of_table, *about)
    conditions = select(*columns).join_from(table, part, _is_of_part(table))
    if after is not None:
        conditions = conditions.where(tuple_(*key) > tuple_(*after))
    rows = (await tx.execute(conditions.order_by(*key).limit(BLOBS_AT_ONCE))).all()
    return [await _stored(tx, table, tuple(row[: len(key)]), row) for row in rows]


def _is_of_part(table: Table) -> ColumnElement[bool]:
    """Whose bytes a row has. A job's result file is named after the part that leads the job."""
    if table is not result_file:
        return part.c.id == table.c.part_id
    of_job = select(_other.c.id).where(_other.c.job_id == result_file.c.job_id)
    return part.c.id == of_job.order_by(_other.c.turn, _other.c.number).limit(1).scalar_subquery()


async def _stored(tx: ReadTransaction, table: Table, key: tuple[Any, ...], row: Any) -> Stored:
    contents = tuple(getattr(row, name) for name in CONTENTS[table])
    return Stored(
        table=table.name,
        key=key,
        import_id=row.import_id,
        part_number=row.number,
        state=row.state,
        has_checksum=row.checksum is not None,
        whole=await blobs.is_whole(row.checksum, *contents)
        and (not row.sealed or await _can_be_opened(tx, table, row)),
        part_bytes=row.part_bytes,
        contents=contents,
    )


async def _can_be_opened(tx: ReadTransaction, table: Table, row: Any) -> bool:
    """False for what is not what was sealed. Without its key, which `complaints` tells of, nobody can know."""
    try:
        if table is result_file:
            job_key = await data_keys.of_job(tx, row.job_id)
            _ = job_key and await sealed.unseal(job_key, row.blob, sealed.result_file_of(row.job_id, row.kind))
        elif table is part_file:
            await part_files.load_file(tx, row.part_id)
        else:
            await blockers.digests_of(tx, row.part_id)
    except MissingKey:
        return True
    except Corrupt:
        return False
    return True


async def complaints(tx: ReadTransaction) -> list[str]:
    """What SQLite itself finds wrong with its file; PostgreSQL has no such question. And which keys are not here."""
    missing = await data_keys.what_is_missing_here(tx)
    return [*([missing] if missing else []), *await _complaints_of_database(tx)]


async def _complaints_of_database(tx: AsyncConnection) -> list[str]:
    if tx.dialect.name != "sqlite":
        return []
    findings = [str(line) for line in (await tx.exec_driver_sql("PRAGMA integrity_check")).scalars()]
    astray = (await tx.exec_driver_sql("PRAGMA foreign_key_check")).mappings()
    lost = [f"a row of {row['table']} refers to nothing in {row['parent']}" for row in astray]
    return [line for line in findings if line != "ok"] + lost
