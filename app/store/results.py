"""Result files as Marketo sent them, and their rows with the place each has in the uploaded file."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.result_rows import ResultRow
from app.store import blobs
from app.store.tables import result_file, result_reason, result_row
from app.store.transaction import Transaction

SURROGATE = re.compile("[\ud800-\udfff]")
PAGE_BYTES = 1_000_000  # of cells that are read in one look: a row may be as large as a part
LAST = 2**62  # where rows whose source row nobody can know are put: behind all others
REASON_CHARACTERS = 64  # of a reason that are in the index
OWN = 0  # the part number of rows that we wrote ourselves, before there was a part at Marketo


class Kind(StrEnum):
    FAILURES = "failures"
    WARNINGS = "warnings"


EncodedRow = dict[str, Any]
"""The columns of a row, but for its kind."""


async def keep_file(tx: Transaction, job_id: int, kind: Kind, blob: bytes) -> None:
    """Store a job's result file as Marketo sent it, packed."""
    summed = await blobs.checksum(blob)
    await tx.execute(insert(result_file), {"job_id": job_id, "kind": kind, "blob": blob, "checksum": summed})


class Owner(NamedTuple):
    """Whose a row is."""

    import_id: int
    part_number: int = OWN


def encode_rows(rows: Iterable[tuple[Owner, ResultRow]]) -> list[EncodedRow]:
    """Rows as the database takes them. It is slow for large rows: call it in a thread."""
    return [
        {
            "import_id": owner.import_id,
            "part_number": owner.part_number,
            "position": LAST if row.source_row is None else row.source_row,
            "part_row": row.part_row,
            "source_row": row.source_row,
            "reason": row.reason,
            "reason_start": row.reason[:REASON_CHARACTERS],
            "cells": _json(row.values if row.text is None else row.text),
        }
        for owner, row in rows
    ]


async def keep_rows(tx: Transaction, kind: Kind, rows: Iterable[EncodedRow]) -> None:
    """Store rows, a thousand or so at a time."""
    kept = [{"kind": kind, **row} for row in rows]
    await tx.execute(insert(result_row), kept)
    await tx.execute(insert(result_reason), _counted(kept))


def _counted(rows: Sequence[EncodedRow]) -> list[dict[str, Any]]:
    """How many of these rows have which reason, part by part."""
    counts: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        same = {name: row[name] for name in ("import_id", "kind", "part_number", "reason")}
        count = counts.setdefault(tuple(same.values()), same | {"rows": 0, "first_position": LAST})
        count["rows"] += 1
        count["first_position"] = min(count["first_position"], row["position"])
    return list(counts.values())


@dataclass(frozen=True, slots=True)
class Page:
    rows: Sequence[ResultRow]
    more: bool  # whether rows follow: a page may have fewer rows than it might, where they are large
    last_place: tuple[int, int] | None  # behind which the next page begins; None: there is no row


class Cut(NamedTuple):
    """Which rows of many a page has."""

    after: tuple[int, int] | None  # the place behind which it begins; None: at the first row
    size: int  # rows at most
    row_bytes: int = 0  # what each row takes besides its cells
    reason: str | None = None  # that all its rows have; None: any


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
    after, size, row_bytes, reason = cut
    if reason is not None:
        start = result_row.c.reason_start == reason[:REASON_CHARACTERS]
        conditions = [*conditions, start, result_row.c.reason == reason]
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
        return Page([], more=False, last_place=None)
    last = (sizes[count - 1][0], sizes[count - 1][1])
    selected = await tx.execute(
        select(result_row.c.source_row, result_row.c.reason, result_row.c.cells)
        .where(*conditions, place <= last)
        .order_by(result_row.c.position, result_row.c.id)
    )
    rows = [_decoded(row.source_row, row.reason, row.cells) for row in selected]
    return Page(rows, more=len(sizes) > count, last_place=last)


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many rows of an import have the same reason."""

    reason: str
    rows: int
    first_source_row: int | None  # None where the row of none of them is known


async def reasons(tx: AsyncConnection, import_id: int, kind: Kind, *, limit: int) -> tuple[list[ReasonCount], int]:
    """(the most frequent reasons, `limit` at most; how many there are). Equally frequent ones by their first row."""
    rows, first = func.sum(result_reason.c.rows), func.min(result_reason.c.first_position)
    counted = await tx.execute(
        select(result_reason.c.reason, rows, first, func.count().over())
        .where(result_reason.c.import_id == import_id, result_reason.c.kind == kind)
        .group_by(result_reason.c.reason)
        .order_by(rows.desc(), first, result_reason.c.reason)
        .limit(limit)
    )
    found = counted.all()
    counts = [ReasonCount(row[0], int(row[1]), None if row[2] == LAST else row[2]) for row in found]
    return counts, found[0][3] if found else 0


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


async def forget_rows(tx: Transaction, owners: Sequence[Owner]) -> None:
    """What was stored of the results of these parts before their worker died: they are stored anew."""
    for table in (result_row, result_reason):
        await tx.execute(delete(table).where(tuple_(table.c.import_id, table.c.part_number).in_(owners)))


def _json(cells: Sequence[str | None] | str) -> str:
    """Bytes that are no UTF-8, as `surrogateescape` keeps them, are spelt out: no database takes them as a text."""
    text = json.dumps(cells, ensure_ascii=False)
    return text if text.isascii() or not SURROGATE.search(text) else json.dumps(cells)


def _decoded(source_row: int | None, reason: str, cells: str) -> ResultRow:
    content = json.loads(cells)
    if isinstance(content, str):
        return ResultRow(source_row, reason, text=content)
    return ResultRow(source_row, reason, content)
