"""Result files as Marketo sent them, and their rows with the place each has in the uploaded file."""

import asyncio
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.imports import Content
from app.domain.result_rows import ResultRow
from app.store import blobs, data_keys, result_seals, sealed
from app.store.result_seals import REASON_CHARACTERS
from app.store.tables import result_file, result_reason, result_row
from app.store.transaction import ReadTransaction, Transaction

SURROGATE = re.compile("[\ud800-\udfff]")
PAGE_BYTES = 1_000_000  # of cells that are read in one look: a row may be as large as a part
LAST = 2**62  # where rows whose source row nobody can know are put: behind all others
OWN = 0  # the part number of rows that we wrote ourselves, before there was a part at Marketo


OPENED = [result_row.c[name] for name in ("source_row", "reason", "cells", "sealed", "kind", "position", "part_number")]
"""The columns by which rows are read, and opened where they are sealed."""


class Kind(StrEnum):
    FAILURES = "failures"
    WARNINGS = "warnings"


EncodedRow = dict[str, Any]
"""The columns of a row, but for its kind."""


async def keep_file(tx: Transaction, job_id: int, kind: Kind, blob: bytes) -> None:
    """Store a job's result file as Marketo sent it, packed. Errors: MissingKey."""
    key = await data_keys.get_or_add_for_job(tx, job_id)
    content = await sealed.seal(key, blob, sealed.result_file_of(job_id, kind)) if key else blob
    row = {"job_id": job_id, "kind": kind, "blob": content, "checksum": await blobs.checksum(content)}
    await tx.execute(insert(result_file), row | {"sealed": key is not None})


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
    """Store rows, a thousand or so at a time. Errors: MissingKey."""
    kept = [{"kind": kind, **row} for row in rows]
    if keys := await data_keys.get_or_add(tx, {row["import_id"] for row in kept}, Content.RESULTS):
        kept = await asyncio.to_thread(result_seals.seal_rows, kept, keys)
    await tx.execute(insert(result_row), kept)
    await tx.execute(insert(result_reason), _counted(kept))


def _counted(rows: Sequence[EncodedRow]) -> list[dict[str, Any]]:
    """How many of these rows have which reason, part by part."""
    counts: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        same = {name: row[name] for name in ("import_id", "kind", "part_number", "reason", "sealed") if name in row}
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
    tx: ReadTransaction,
    import_id: int,
    kind: Kind,
    cut: Cut,
    *,
    own: bool = True,
) -> Page:
    """An import's result rows in source order, one page of them; without our own, Marketo's alone.

    As many as PAGE_BYTES hold, but one at least. None once they are erased. Errors: Corrupt, MissingKey.
    """
    conditions = [result_row.c.import_id == import_id, result_row.c.kind == kind]
    if not own:
        conditions.append(result_row.c.part_number != OWN)
    if cut.reason is not None:
        conditions.append(await _has_reason(tx, import_id, cut.reason))
    return await _page(tx, import_id, conditions, cut)


async def _has_reason(tx: ReadTransaction, import_id: int, reason: str) -> ColumnElement[bool]:
    """Rows with this reason, sealed or in the clear: equal ones of an import are sealed alike."""
    reasons = [reason]
    if tx.vault.opens and (key := await data_keys.find(tx, import_id, Content.RESULTS)):
        reasons.append(result_seals.of_import(key, import_id).seal_alike(reason))
    stored = [
        and_(result_row.c.reason_start == each[:REASON_CHARACTERS], result_row.c.reason == each) for each in reasons
    ]
    return or_(*stored)


async def _page(
    tx: ReadTransaction,
    import_id: int,
    conditions: list[ColumnElement[bool]],
    cut: Cut,
) -> Page:
    after, size, row_bytes, _ = cut
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
        select(*OPENED).where(*conditions, place <= last).order_by(result_row.c.position, result_row.c.id)
    )
    rows = await _decoded(tx, import_id, selected.all())
    return Page(rows, more=len(sizes) > count, last_place=last)


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many rows of an import have the same reason."""

    reason: str
    rows: int
    first_source_row: int | None  # None where the row of none of them is known


async def reasons(tx: ReadTransaction, import_id: int, kind: Kind, *, limit: int) -> tuple[list[ReasonCount], int]:
    """(the most frequent reasons, `limit` at most; how many there are). Equally frequent ones by their first row.

    While `sluice rekey` seals an import's reasons, one that is rare may count by half, and twice among how many there
    are. Errors: Corrupt, MissingKey.
    """
    rows, first = func.sum(result_reason.c.rows), func.min(result_reason.c.first_position)
    counted = await tx.execute(
        select(
            result_reason.c.reason,
            result_reason.c.sealed,
            rows.label("rows"),
            first.label("first"),
            func.count().over().label("total"),
        )
        .where(result_reason.c.import_id == import_id, result_reason.c.kind == kind)
        .group_by(result_reason.c.reason, result_reason.c.sealed)
        .order_by(rows.desc(), first, result_reason.c.reason)
        .limit(2 * limit)
    )
    found = counted.all()
    counts = await _added_up(tx, import_id, found)
    total = found[0].total - (len(found) - len(counts)) if found else 0
    return [ReasonCount(*count) for count in counts[:limit]], total


async def _added_up(tx: ReadTransaction, import_id: int, found: Sequence[Any]) -> list[tuple[str, int, int | None]]:
    """(reason, rows, first source row): what is sealed and what is in the clear together, the most frequent first."""
    sums: dict[str, tuple[int, int]] = {}
    key = await data_keys.get(tx, import_id, Content.RESULTS) if any(row.sealed for row in found) else None
    for row in found:
        if row.sealed and key is None:  # erased
            continue
        reason = result_seals.open_reason(key, import_id, row.reason) if row.sealed and key else row.reason
        rows, first = sums.get(reason, (0, LAST))
        sums[reason] = (rows + int(row.rows), min(first, row.first))
    ordered = sorted(sums.items(), key=lambda each: (-each[1][0], each[1][1], each[0]))
    return [(reason, rows, None if first == LAST else first) for reason, (rows, first) in ordered]


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


async def _decoded(tx: ReadTransaction, import_id: int, rows: Sequence[Row[Any]]) -> list[ResultRow]:
    """Without those whose data key is erased. Errors: Corrupt, MissingKey."""
    if not any(row.sealed for row in rows):
        return [_as_result_row(row.source_row, row.reason, row.cells) for row in rows]
    key = await data_keys.get(tx, import_id, Content.RESULTS)
    if key is None:
        return []
    opened = await asyncio.to_thread(result_seals.open_rows, rows, key, import_id)
    return [_as_result_row(row.source_row, reason, cells) for row, (reason, cells) in zip(rows, opened, strict=True)]


def _as_result_row(source_row: int | None, reason: str, cells: str) -> ResultRow:
    content = json.loads(cells)
    if isinstance(content, str):
        return ResultRow(source_row, reason, text=content)
    return ResultRow(source_row, reason, content)
