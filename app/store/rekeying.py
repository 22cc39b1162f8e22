"""Rekeying: bring what is stored to what SLUICE_ENCRYPTION_KEYS says now, a few rows in each transaction.

Each kind of row is a stage, gone through by its key, from the first row to the last. A row that is as it should be is
passed over, so whoever begins anew goes on where it ended.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, Table, bindparam, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.imports import Content
from app.encryption.vault import sealed_by
from app.store import blobs, data_keys, result_seals, sealed, webhook_secrets
from app.store.blobs import Corrupt
from app.store.tables import (
    data_key,
    import_,
    part,
    part_file,
    part_keys,
    result_file,
    result_reason,
    result_row,
    webhook,
)
from app.store.transaction import Transaction

if TYPE_CHECKING:
    from app.encryption.sealing import DataKey

ROWS_AT_ONCE = 500
BYTES_AT_ONCE = 4_000_000  # of content in one transaction, or one row


class Stage(NamedTuple):
    """One kind of row. Errors of `work`: Corrupt. Nothing that is damaged gets a new seal or checksum."""

    table: Table
    key: ColumnElement[Any]  # by which rows are gone through
    size: ColumnElement[Any]  # about how much a row holds
    work: Callable[[Transaction, Sequence[int]], Awaitable[int]]  # how many of these rows were changed
    by_seal: bool = True  # rows say whether they are sealed


async def next_ids(tx: AsyncConnection, stage: Stage, *, after: int, seals: bool) -> list[int]:
    """The next rows of a stage that may have to be changed, as many as one transaction takes. Empty: there is none."""
    conditions = [stage.key > after]
    if stage.by_seal:
        conditions.append(stage.table.c.sealed.is_(not seals))
    rows = select(stage.key, stage.size).where(*conditions).order_by(stage.key).limit(ROWS_AT_ONCE)
    ids: list[int] = []
    left = BYTES_AT_ONCE
    for row_id, size in (await tx.execute(rows)).all():
        if ids and left - size < 0 and row_id != ids[-1]:
            break
        left -= size
        ids.append(row_id)
    return list(dict.fromkeys(ids))


async def _part_files(tx: Transaction, ids: Sequence[int]) -> int:
    return await _of_parts(tx, part_file, "blob", ids)


async def _part_keys(tx: Transaction, ids: Sequence[int]) -> int:
    return await _of_parts(tx, part_keys, "digests", ids)


async def _of_parts(tx: Transaction, table: Table, column: str, ids: Sequence[int]) -> int:
    """Files or record keys of parts."""
    of_parts = select(part.c.id, part.c.import_id, part.c.number).where(part.c.id.in_(ids))
    places = {row.id: row for row in await tx.execute(of_parts)}
    keys = await _keys(tx, {row.import_id for row in places.values()}, Content.FILE)
    context_of = sealed.part_file_of if table is part_file else sealed.record_keys_of
    changed = 0
    for row in await _locked(tx, table, table.c.part_id, ids):
        place = places[row.part_id]
        if key := keys.get(place.import_id):
            beside = [row.row_numbers] if table is part_file else []
            values = await _changed(tx, row, column, key, context_of(place.import_id, place.number), beside)
            await tx.execute(update(table).where(table.c.part_id == row.part_id).values(values))
            changed += 1
    return changed


async def _result_files(tx: Transaction, ids: Sequence[int]) -> int:
    changed = 0
    for row in await _locked(tx, result_file, result_file.c.job_id, ids):
        if key := await (data_keys.get_or_add_for_job if tx.vault.seals else data_keys.of_job)(tx, row.job_id):
            values = await _changed(tx, row, "blob", key, sealed.result_file_of(row.job_id, row.kind), [])
            where = (result_file.c.job_id == row.job_id, result_file.c.kind == row.kind)
            await tx.execute(update(result_file).where(*where).values(values))
            changed += 1
    return changed


async def _changed(
    tx: Transaction, row: Any, column: str, key: "DataKey", context: str, beside: Sequence[bytes | None]
) -> dict[str, Any]:
    """The columns of a row in the other of the two forms. Errors: Corrupt."""
    content = getattr(row, column)
    if not await blobs.is_whole(row.checksum, content, *beside):
        raise Corrupt(f"{context}: it is not what was stored")
    change = sealed.seal if tx.vault.seals else sealed.unseal
    content = await change(key, bytes(content), context)
    return {column: content, "checksum": await blobs.checksum(content, *beside), "sealed": tx.vault.seals}


async def _result_rows(tx: Transaction, ids: Sequence[int]) -> int:
    return await _texts(tx, result_row, ids, ("reason", "reason_start", "cells"))


async def _result_reasons(tx: Transaction, ids: Sequence[int]) -> int:
    return await _texts(tx, result_reason, ids, ("reason",))


async def _texts(tx: Transaction, table: Table, ids: Sequence[int], columns: Sequence[str]) -> int:
    """Rows of results, or the counts of their reasons."""
    rows = await _locked(tx, table, table.c.id, ids)
    keys = await _keys(tx, {row.import_id for row in rows}, Content.RESULTS)
    new = []
    for row in rows:
        if key := keys.get(row.import_id):
            texts = result_seals.changed(row, key, seals=tx.vault.seals)
            new.append(
                {"of_id": row.id, "is_sealed": tx.vault.seals} | {f"new_{name}": texts[name] for name in columns}
            )
    if new:
        values: dict[Any, Any] = {table.c[name]: bindparam(f"new_{name}") for name in columns} | {
            table.c.sealed: bindparam("is_sealed")
        }
        await tx.execute(update(table).where(table.c.id == bindparam("of_id")).values(values), new)
    return len(new)


async def _secrets(tx: Transaction, ids: Sequence[int]) -> int:
    """The secrets of webhooks, which are sealed by the first key itself."""
    changed = 0
    for row in await _locked(tx, webhook, webhook.c.id, ids):
        secrets = {name: getattr(row, name) for name in ("secret", "previous_secret")}
        old = {name: stored for name, stored in secrets.items() if stored and sealed_by(stored) != _first(tx)}
        if old:
            values = {name: webhook_secrets.sealed_again(tx, stored) for name, stored in old.items()}
            await tx.execute(update(webhook).where(webhook.c.id == row.id).values(values))
            changed += 1
    return changed


async def _data_keys(tx: Transaction, ids: Sequence[int]) -> int:
    """Wrapped by the first key; or deleted, where nothing is sealed by them any more, and nothing is to be."""
    changed = 0
    for row in await _locked(tx, data_key, data_key.c.id, ids):
        this = data_key.c.id == row.id
        if tx.vault.seals and row.master != _first(tx):
            await tx.execute(update(data_key).where(this).values(data_keys.wrapped_again(tx, row)))
            changed += 1
        elif not tx.vault.seals and not await _seals_anything(tx, row):
            await tx.execute(delete(data_key).where(this))
            changed += 1
    return changed


def _first(tx: Transaction) -> str | None:
    """The fingerprint of the key that writes."""
    first = tx.vault.keyring.first
    return first.fingerprint if first else None


async def _seals_anything(tx: Transaction, row: Any) -> bool:
    """Whoever seals holds the data key until its transaction ends, so nothing is under way here."""
    if row.job_id is not None:
        tables = [exists().where(result_file.c.job_id == row.job_id, result_file.c.sealed)]
    elif row.content == Content.FILE:
        of_import = select(part.c.id).where(part.c.import_id == row.import_id)
        tables = [exists().where(table.c.part_id.in_(of_import), table.c.sealed) for table in (part_file, part_keys)]
    else:
        tables = [
            exists().where(table.c.import_id == row.import_id, table.c.sealed) for table in (result_row, result_reason)
        ]
    return any([(await tx.execute(select(there))).scalar_one() for there in tables])


async def _locked(tx: Transaction, table: Table, key: ColumnElement[Any], ids: Sequence[int]) -> Sequence[Any]:
    """Those of these rows that are still there, and, where rows say so, still of the other form."""
    rows = select(table).where(key.in_(ids)).order_by(key).with_for_update()
    if "sealed" in table.c:
        rows = rows.where(table.c.sealed.is_(not tx.vault.seals))
    return (await tx.execute(rows)).all()


async def _keys(tx: Transaction, import_ids: Collection[int], content: Content) -> "Mapping[int, DataKey]":
    """By import, of those whose content is not erased. They are locked, so that none is erased meanwhile."""
    kept = select(import_.c.id).where(import_.c.id.in_(list(import_ids)), data_keys.ERASED_AT[content].is_(None))
    ids = list((await tx.execute(kept.order_by(import_.c.id).with_for_update(key_share=True))).scalars())
    if tx.vault.seals:
        return await data_keys.get_or_add(tx, ids, content)
    keys = {import_id: await data_keys.find(tx, import_id, content) for import_id in ids}
    return {import_id: key for import_id, key in keys.items() if key}


STAGES: Mapping[str, Stage] = {
    stage.table.name: stage
    for stage in (
        Stage(webhook, webhook.c.id, func.length(webhook.c.secret), _secrets, by_seal=False),
        Stage(part_keys, part_keys.c.part_id, func.length(part_keys.c.digests), _part_keys),
        Stage(part_file, part_file.c.part_id, func.length(part_file.c.blob), _part_files),
        Stage(result_file, result_file.c.job_id, func.length(result_file.c.blob), _result_files),
        Stage(result_row, result_row.c.id, func.length(result_row.c.cells), _result_rows),
        Stage(result_reason, result_reason.c.id, func.length(result_reason.c.reason), _result_reasons),
        Stage(data_key, data_key.c.id, func.length(data_key.c.wrapped), _data_keys, by_seal=False),
    )
}
"""By the table's name, in their order. Data keys are the last: what they sealed may have to be opened before."""
