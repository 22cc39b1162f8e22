"""Result files as Marketo sent them, and their rows with the place each has in the uploaded file."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store import blobs
from app.store.tables import result_file, result_row
from app.store.transaction import Transaction

SURROGATE = re.compile("[\ud800-\udfff]")
PAGE_BYTES = 1_000_000  # of cells that are read in one look: a row may be as large as a part
LAST = 2**62  # where rows whose source row nobody can know are put: behind all others


OWN = 0  # the part number of rows that we wrote ourselves, before there was a part at Marketo


class Kind(StrEnum):
    FAILURES = "failures"
    WARNINGS = "warnings"


@dataclass(frozen=True, slots=True)
class StoredRow:
    place: tuple[int, int]  # the key to page by
    source_row: int | None
    reason: str
    values: Sequence[str | None] | None
    """None for a row of Marketo's file that cannot be read: then `text` has it as it came."""
    text: str | None = None


@dataclass(frozen=True, slots=True)
class NewRow:
    source_row: int | None
    reason: str
    cells: str  # JSON: the values in the order of the import's columns; or one text, of what cannot be read
    part_row: int | None = None  # its row within its part, from 0

    @classmethod
    def of(
        cls, source_row: int | None, reason: str, values: Sequence[str | None], part_row: int | None = None
    ) -> "NewRow":
        return cls(source_row, reason, _json(values), part_row)

    @classmethod
    def unread(cls, reason: str, text: str) -> "NewRow":
        """Of a row of Marketo's file that cannot be read."""
        return cls(None, reason, _json(text))


async def keep_file(tx: Transaction, part_id: int, kind: Kind, blob: bytes) -> None:
    """Store a part's result file as Marketo sent it, packed."""
    summed = await blobs.checksum(blob)
    await tx.execute(insert(result_file).values(part_id=part_id, kind=kind, blob=blob, checksum=summed))


async def keep_rows(
    tx: Transaction, import_id: int, kind: Kind, rows: Iterable[NewRow], *, part_number: int = OWN
) -> None:
    """Store rows, a thousand or so at a time."""
    await tx.execute(insert(result_row), [_row(import_id, part_number, kind, row) for row in rows])


@dataclass(frozen=True, slots=True)
class Page:
    rows: Sequence[StoredRow]
    more: bool  # follow: a page may have fewer rows than it might, where they are large


class Cut(NamedTuple):
    """Which rows of many a page has."""

    after: tuple[int, int] | None  # the place behind which it begins; None: at the first row
    size: int  # rows at most
    row_bytes: int = 0  # what each row takes besides its cells


async def page(
    tx: AsyncConnection,
    import_id: int,
    kind: Kind,
    cut: Cut,
    *,
    own: bool = True,
) -> Page:
    """An import's result rows in source order, one page of them; without our own, Marketo's alone.

    As many as PAGE_BYTES hold, but one at least.
    """
    conditions = [result_row.c.import_id == import_id, result_row.c.kind == kind]
    if not own:
        conditions.append(result_row.c.part_number != OWN)
    return await _page(tx, conditions, cut)


async def _page(
    tx: AsyncConnection,
    conditions: list[ColumnElement[bool]],
    cut: Cut,
) -> Page:
    after, size, row_bytes = cut
    place = tuple_(result_row.c.position, result_row.c.id)
    if after is not None:
        conditions = [*conditions, place > after]
    sizes = (
        await tx.execute(
            select(result_row.c.position, result_row.c.id, func.length(result_row.c.cells))
            .where(*conditions)
            .order_by(result_row.c.position, result_row.c.id)
            .limit(size + 1)
        )
    ).all()
    count, left = 0, PAGE_BYTES
    while count < min(size, len(sizes)) and (left > 0 or not count):
        left -= sizes[count][2] + row_bytes
        count += 1
    if not count:
        return Page([], more=False)
    last = (sizes[count - 1][0], sizes[count - 1][1])
    selected = await tx.execute(
        select(
            result_row.c.position,
            result_row.c.id,
            result_row.c.source_row,
            result_row.c.reason,
            result_row.c.cells,
        )
        .where(*conditions, place <= last)
        .order_by(result_row.c.position, result_row.c.id)
    )
    rows = [_stored((row.position, row.id), row.source_row, row.reason, row.cells) for row in selected]
    return Page(rows, more=len(sizes) > count)


async def part_rows(tx: AsyncConnection, import_id: int, kind: Kind, *, part_number: int) -> list[int]:
    """The rows within a part that its results are about, from 0, as far as they are known."""
    selected = await tx.execute(
        select(result_row.c.part_row).where(
            result_row.c.import_id == import_id,
            result_row.c.part_number == part_number,
            result_row.c.kind == kind,
            result_row.c.part_row.is_not(None),
        )
    )
    return list(selected.scalars())


async def forget_rows(tx: Transaction, import_id: int, *, part_number: int) -> None:
    """What was stored of a part's results before its worker died: they are stored anew."""
    await tx.execute(
        delete(result_row).where(result_row.c.import_id == import_id, result_row.c.part_number == part_number)
    )


def _json(cells: Sequence[str | None] | str) -> str:
    """Bytes that are no UTF-8, as `surrogateescape` keeps them, are spelt out: no database takes them as a text."""
    text = json.dumps(cells, ensure_ascii=False)
    return text if text.isascii() or not SURROGATE.search(text) else json.dumps(cells)


def _stored(place: tuple[int, int], source_row: int | None, reason: str, cells: str) -> StoredRow:
    text = json.loads(cells)
    if isinstance(text, str):
        return StoredRow(place, source_row, reason, None, text)
    return StoredRow(place, source_row, reason, text)


def _row(import_id: int, number: int, kind: Kind, row: NewRow) -> dict[str, Any]:
    return {
        "import_id": import_id,
        "kind": kind,
        "position": LAST if row.source_row is None else row.source_row,
        "part_number": number,
        "part_row": row.part_row,
        "source_row": row.source_row,
        "reason": row.reason,
        "cells": row.cells,
    }
