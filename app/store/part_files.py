"""The stored file of a part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from app.domain.imports import Content
from app.store import blobs, data_keys, sealed
from app.store.blobs import Corrupt
from app.store.data_keys import PartKey
from app.store.tables import part_file
from app.store.transaction import ReadTransaction


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A part's file as the files room made it, and checked."""

    blob: bytes
    row_numbers: bytes | None


async def load_files(tx: ReadTransaction, part_ids: Sequence[int]) -> dict[int, StoredFile]:
    """By part; those that are erased are missing. Errors: Corrupt, which says whose file it is; MissingKey."""
    rows = (await tx.execute(select(part_file).where(part_file.c.part_id.in_(part_ids)))).all()
    sealed_ids = [row.part_id for row in rows if row.sealed]
    keys = await data_keys.of_parts(tx, sealed_ids) if sealed_ids else {}
    await data_keys.refuse_lost(tx, [its.import_id for its in keys.values() if its.key is None], Content.FILE)
    files = {row.part_id: await _checked(row, keys.get(row.part_id)) for row in rows}
    return {part_id: file for part_id, file in files.items() if file}


async def load_file(tx: ReadTransaction, part_id: int) -> StoredFile | None:
    """None once its rows are erased. Errors: Corrupt, MissingKey."""
    return (await load_files(tx, [part_id])).get(part_id)


async def _checked(row: Row[Any], its: PartKey | None) -> StoredFile | None:
    """None where its data key is erased: then its rows are, too."""
    if not await blobs.is_whole(row.checksum, row.blob, row.row_numbers):
        raise Corrupt(f"the file of part {row.part_id} is not what was stored")
    blob = bytes(row.blob)
    if row.sealed:
        if its is None or its.key is None:
            return None
        blob = await sealed.unseal(its.key, blob, sealed.part_file_of(its.import_id, its.number))
    return StoredFile(blob, None if row.row_numbers is None else bytes(row.row_numbers))
