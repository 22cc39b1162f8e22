"""Result files as Marketo sent them, and their rows with the place each has in the uploaded file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.tables import result_file, result_row

LAST = 2**62  # where rows whose source row nobody can know are put: behind all others


class Kind(StrEnum):
    FAILURES = "failures"
    WARNINGS = "warnings"


@dataclass(frozen=True, slots=True)
class StoredRow:
    place: tuple[int, int]  # the key to page by
    source_row: int | None
    reason: str
    values: Sequence[str | None]


NewRow = tuple[int | None, str, Sequence[str | None]]  # source row, reason, values in the order of the columns


async def keep(
    tx: AsyncConnection,
    part_id: int,
    import_id: int,
    number: int,
    *,
    kind: Kind,
    blob: bytes,
    rows: Iterable[NewRow],
) -> None:
    """Store a part's result file (zstd) and its rows."""
    await tx.execute(insert(result_file).values(part_id=part_id, kind=kind, blob=blob))
    coming = iter(rows)
    while some := list(islice(coming, 1000)):
        await tx.execute(insert(result_row), [_row(import_id, number, kind, row) for row in some])


async def page(
    tx: AsyncConnection, import_id: int, kind: Kind, *, after: tuple[int, int] | None, size: int
) -> list[StoredRow]:
    """An import's result rows in source order, beginning behind the place `after`."""
    wanted = [result_row.c.import_id == import_id, result_row.c.kind == kind]
    if after is not None:
        wanted.append(tuple_(result_row.c.position, result_row.c.id) > after)
    found = await tx.execute(
        select(
            result_row.c.position,
            result_row.c.id,
            result_row.c.source_row,
            result_row.c.reason,
            result_row.c.cells,
        )
        .where(*wanted)
        .order_by(result_row.c.position, result_row.c.id)
        .limit(size)
    )
    return [StoredRow((row.position, row.id), row.source_row, row.reason, row.cells) for row in found]


def _row(import_id: int, number: int, kind: Kind, row: NewRow) -> dict[str, Any]:
    source_row, reason, values = row
    return {
        "import_id": import_id,
        "kind": kind,
        "position": LAST if source_row is None else source_row,
        "part_number": number,
        "source_row": source_row,
        "reason": reason,
        "cells": list(values),
    }
