"""The stored file of a part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store import blobs
from app.store.blobs import Corrupt
from app.store.tables import part_file


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A part's file as the files room made it, and checked."""

    blob: bytes
    row_numbers: bytes | None


async def load_files(tx: AsyncConnection, part_ids: Sequence[int]) -> dict[int, StoredFile]:
    """By part; those that are erased are missing. Errors: Corrupt, which says whose file it is."""
    rows = await tx.execute(select(part_file).where(part_file.c.part_id.in_(part_ids)))
    return {row.part_id: await _checked(row) for row in rows.all()}


async def load_file(tx: AsyncConnection, part_id: int) -> StoredFile | None:
    """None once its rows are erased. Errors: Corrupt."""
    row = (await tx.execute(select(part_file).where(part_file.c.part_id == part_id))).one_or_none()
    return await _checked(row) if row else None


async def _checked(row: Row[Any]) -> StoredFile:
    if not await blobs.is_whole(row.checksum, row.blob, row.row_numbers):
        raise Corrupt(f"the file of part {row.part_id} is not what was stored")
    return StoredFile(bytes(row.blob), None if row.row_numbers is None else bytes(row.row_numbers))
