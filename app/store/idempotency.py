"""Idempotency keys: which import a client's key stands for, or which upload is about to make it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.dialects import upsert
from app.store.tables import idempotency_key as table
from app.store.transaction import Transaction


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """An upload's hold on a key, for as long as the key does not stand for an import yet."""

    client: str
    key: str
    holder: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """The request that claimed the key first."""

    parameters_sha256: str
    import_id: int | None  # None: it is still being received
    file_sha256: str | None
    touched_at: datetime


async def claim(
    tx: Transaction, new: Claim, *, parameters_sha256: str, at: datetime, dead_since: datetime, old: datetime
) -> bool:
    """Take a key that is free, too old, or whose holder has given no sign of life. False where it is another's."""
    values = {
        "parameters_sha256": parameters_sha256,
        "holder": new.holder,
        "import_id": None,
        "file_sha256": None,
        "touched_at": at,
        "created_at": at,
    }
    dead = and_(table.c.import_id.is_(None), table.c.touched_at <= dead_since)
    took = await tx.execute(
        upsert(tx, table)
        .values(client=new.client, key=new.key, **values)
        .on_conflict_do_update(
            index_elements=["client", "key"], set_=values, where=or_(dead, table.c.created_at <= old)
        )
        .returning(table.c.holder)
    )
    return bool(took.scalar_one_or_none() == new.holder)


async def earlier(tx: AsyncConnection, client: str, key: str) -> Earlier | None:
    rows = await tx.execute(
        select(table.c.parameters_sha256, table.c.import_id, table.c.file_sha256, table.c.touched_at).where(
            table.c.client == client, table.c.key == key
        )
    )
    row = rows.one_or_none()
    return None if row is None else Earlier(*row)


async def touch(tx: Transaction, held_claim: Claim, *, at: datetime) -> None:
    await tx.execute(update(table).where(_is(held_claim)).values(touched_at=at))


async def keep(tx: Transaction, held_claim: Claim, *, import_id: int, file_sha256: str) -> bool:
    """The key stands for this import from the commit on that makes it. False where another took the key over."""
    kept = await tx.execute(update(table).where(_is(held_claim)).values(import_id=import_id, file_sha256=file_sha256))
    return kept.rowcount == 1


async def lock_held(tx: Transaction, claims: Sequence[Claim]) -> set[Claim]:
    """Those of these claims that still hold their key. Nobody else takes it before this transaction ends."""
    columns = (table.c.client, table.c.key, table.c.holder)
    theirs = tuple_(*columns).in_([(claim.client, claim.key, claim.holder) for claim in claims])
    held = select(*columns).where(theirs, table.c.import_id.is_(None)).order_by(table.c.client, table.c.key)
    return {Claim(*row) for row in await tx.execute(held.with_for_update())}


async def keep_all(tx: Transaction, kept: Mapping[Claim, tuple[int, str]]) -> None:
    """The keys stand for these imports from the commit on: (import, SHA-256 of its file) by claim, which is locked."""
    which = (table.c.client == bindparam("of_client"), table.c.key == bindparam("of_key"))
    values: dict[str, Any] = {"import_id": bindparam("new_import"), "file_sha256": bindparam("new_sha256")}
    rows = [
        {"of_client": claim.client, "of_key": claim.key, "new_import": import_id, "new_sha256": sha256}
        for claim, (import_id, sha256) in kept.items()
    ]
    await tx.execute(update(table).where(*which).values(values), rows)


async def release(tx: Transaction, held_claim: Claim) -> None:
    """Nothing came of it: the key is free."""
    await tx.execute(delete(table).where(_is(held_claim)))


async def forget(tx: Transaction, *, dead_since: datetime, old: datetime) -> None:
    """Keys whose time is over, and claims whose holder is gone."""
    await tx.execute(delete(table).where(table.c.created_at <= old))
    await tx.execute(delete(table).where(table.c.import_id.is_(None), table.c.touched_at <= dead_since))


async def free_all(tx: Transaction) -> None:
    """Every key that stands for nothing yet: where this is the only process, whoever held one is gone."""
    await tx.execute(delete(table).where(table.c.import_id.is_(None)))


def _is(held_claim: Claim) -> ColumnElement[bool]:
    return and_(
        table.c.client == held_claim.client,
        table.c.key == held_claim.key,
        table.c.holder == held_claim.holder,
        table.c.import_id.is_(None),
    )
