"""Data keys: what the content of an import is sealed by. Each is stored wrapped by a key of SLUICE_ENCRYPTION_KEYS.

An import has one for its uploaded rows and one for its results, a job has one for the result files that all of its
imports share. Erasing what a key sealed erases the key with it (store/erasures.py).
"""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Row, and_, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.imports import Content
from app.encryption.errors import BrokenSeal
from app.encryption.vault import SEALED, WrappedKey, what_is_missing
from app.store.blobs import Corrupt
from app.store.dialects import upsert
from app.store.tables import OF_JOB, data_key, import_, part, webhook
from app.store.transaction import ReadTransaction, Transaction

if TYPE_CHECKING:
    from app.encryption.sealing import DataKey

ERASED_AT = {Content.FILE: import_.c.file_erased_at, Content.RESULTS: import_.c.results_erased_at}


class PartKey(NamedTuple):
    """What seals a part's file and its record keys."""

    import_id: int
    number: int
    key: "DataKey | None"  # None: it is not there; erased, with the rows, or lost (refuse_lost)


def owner_of(import_id: int, content: Content) -> str:
    """What a data key of an import is wrapped with, so that it cannot be taken for another's."""
    return f"data-key/import/{import_id}/{content}"


def _owner_of(row: Any) -> str:
    return owner_of_job(row.job_id) if row.import_id is None else owner_of(row.import_id, Content(row.content))


def owner_of_job(job_id: int) -> str:
    return f"data-key/job/{job_id}"


async def add(tx: Transaction, import_ids: Sequence[int], content: Content) -> "dict[int, DataKey]":
    """New ones for imports that have none yet, by import; none where nothing is sealed. One statement, no read."""
    if not tx.vault.seals or not import_ids:
        return {}
    made = {import_id: tx.vault.new_data_key(owner_of(import_id, content)) for import_id in import_ids}
    rows = [{"import_id": import_id, "content": content} | stored._asdict() for import_id, (_, stored) in made.items()]
    await tx.execute(insert(data_key), rows)
    return {import_id: key for import_id, (key, _) in made.items()}


async def get_or_add(tx: Transaction, import_ids: Collection[int], content: Content) -> "dict[int, DataKey]":
    """To seal with, by import; none where nothing is sealed. They stay there until the transaction ends.

    Errors: MissingKey.
    """
    if not tx.vault.seals:
        return {}
    keys = await _held(tx, import_ids, content)
    while new := sorted(set(import_ids) - keys.keys()):
        rows = []
        for import_id in new:
            stored = tx.vault.new_data_key(owner_of(import_id, content))[1]
            rows.append({"import_id": import_id, "content": content} | stored._asdict())
        adding = upsert(tx, data_key).on_conflict_do_nothing(index_elements=["import_id", "content"])
        await tx.execute(adding, rows)
        keys |= await _held(tx, new, content)  # another transaction may have been first
    return keys


async def get_or_add_for_job(tx: Transaction, job_id: int) -> "DataKey | None":
    """To seal a job's result files with; None where nothing is sealed. Errors: MissingKey."""
    if not tx.vault.seals:
        return None
    owner = owner_of_job(job_id)
    stored = tx.vault.new_data_key(owner)[1]
    row = {"job_id": job_id, "content": Content.RESULTS} | stored._asdict()
    adding = upsert(tx, data_key).values(row)
    await tx.execute(adding.on_conflict_do_nothing(index_elements=["job_id"], index_where=OF_JOB))
    there = select(data_key).where(data_key.c.job_id == job_id).with_for_update(read=True, key_share=True)
    return _opened(tx, (await tx.execute(there)).one(), owner)


async def get(tx: ReadTransaction, import_id: int, content: Content) -> "DataKey | None":
    """To open what is sealed; None where it is erased, with what it sealed. Errors: MissingKey, Corrupt."""
    if (key := await find(tx, import_id, content)) is None:
        await refuse_lost(tx, [import_id], content)
    return key


async def find(tx: ReadTransaction, import_id: int, content: Content) -> "DataKey | None":
    """None where nothing of it was sealed, or it is erased. Errors: MissingKey, Corrupt."""
    query = select(data_key).where(data_key.c.import_id == import_id, data_key.c.content == content)
    row = (await tx.execute(query)).one_or_none()
    return _opened(tx, row, owner_of(import_id, content)) if row else None


async def of_parts(tx: ReadTransaction, part_ids: Iterable[int]) -> dict[int, PartKey]:
    """What opens the files and the record keys of these parts, by part. Errors: MissingKey; Corrupt."""
    its_key = and_(data_key.c.import_id == part.c.import_id, data_key.c.content == Content.FILE)
    query = (
        select(part.c.id.label("part_id"), part.c.import_id, part.c.number, data_key.c.master, data_key.c.wrapped)
        .join(data_key, its_key, isouter=True)
        .where(part.c.id.in_(list(part_ids)))
    )
    rows = (await tx.execute(query)).all()
    return {row.part_id: PartKey(row.import_id, row.number, _of_part(tx, row)) for row in rows}


def _of_part(tx: ReadTransaction, row: Any) -> "DataKey | None":
    if row.wrapped is None:
        return None
    return _opened(tx, row, owner_of(row.import_id, Content.FILE))


async def of_job(tx: ReadTransaction, job_id: int) -> "DataKey | None":
    """To open a job's result files; None where they are erased. Errors: MissingKey, Corrupt."""
    row = (await tx.execute(select(data_key).where(data_key.c.job_id == job_id))).one_or_none()
    if row is None:
        owners = await tx.execute(select(part.c.import_id).where(part.c.job_id == job_id).distinct())
        erased = select(import_.c.id).where(import_.c.id.in_(owners.scalars().all()))
        if (await tx.execute(erased.where(import_.c.results_erased_at.is_not(None)).limit(1))).first() is None:
            raise Corrupt(f"the data key of job {job_id} is not there any more")
        return None
    return _opened(tx, row, owner_of_job(job_id))


def wrapped_again(tx: Transaction, row: Any) -> dict[str, Any]:
    """The columns of a data key that is wrapped by the first key. Errors: MissingKey, Corrupt."""
    return tx.vault.wrap(_opened(tx, row, _owner_of(row)), _owner_of(row))._asdict()


async def needed(tx: AsyncConnection) -> set[str]:
    """The fingerprints of the keys without which something here cannot be read."""
    return await _of_data_keys(tx) | await _of_secrets(tx)


async def what_is_missing_here(tx: ReadTransaction) -> str | None:
    """A sentence, where something is sealed by keys that this process was not given."""
    missing = tx.vault.keyring.missing(await needed(tx))
    return what_is_missing(missing) if missing else None


async def _of_data_keys(tx: AsyncConnection) -> set[str]:
    """From one to the next by the index: there are few of them, and data keys by the million."""
    found: set[str] = set()
    last = ""
    while following := (
        await tx.execute(select(func.min(data_key.c.master)).where(data_key.c.master > last))
    ).scalar_one():
        found.add(last := following)
    return found


async def _of_secrets(tx: AsyncConnection) -> set[str]:
    """Those that secrets of webhooks are sealed by."""
    found: set[str] = set()
    for secret in (webhook.c.secret, webhook.c.previous_secret):
        fingerprint = func.substr(secret, len(SEALED) + 1, 16)
        rows = await tx.execute(select(fingerprint).where(func.substr(secret, 1, len(SEALED)) == SEALED).distinct())
        found |= set(rows.scalars())
    return found


async def _held(tx: Transaction, import_ids: Collection[int], content: Content) -> "dict[int, DataKey]":
    """Nobody deletes them until the transaction ends; to wrap them again harms nothing."""
    query = (
        select(data_key)
        .where(data_key.c.import_id.in_(list(import_ids)), data_key.c.content == content)
        .order_by(data_key.c.id)
        .with_for_update(read=True, key_share=True)
    )
    rows = (await tx.execute(query)).all()
    return {row.import_id: _opened(tx, row, owner_of(row.import_id, content)) for row in rows}


async def refuse_lost(tx: AsyncConnection, import_ids: Collection[int], content: Content) -> None:
    """A key that is gone without an erasure is damage, and no erasure. Errors: Corrupt."""
    if import_ids:
        lost = select(import_.c.id).where(import_.c.id.in_(list(import_ids)), ERASED_AT[content].is_(None)).limit(1)
        if (import_id := (await tx.execute(lost)).scalar_one_or_none()) is not None:
            raise Corrupt(f"the data key of import {import_id} ({content}) is not there any more")


def _opened(tx: ReadTransaction, row: Row[Any], owner: str) -> "DataKey":
    """Errors: MissingKey, Corrupt."""
    try:
        return tx.vault.open_data_key(WrappedKey(row.master, bytes(row.wrapped)), owner)
    except BrokenSeal as broken:
        raise Corrupt(f"{owner}: {broken}") from None
