"""API keys. Of a secret only its SHA-256 is kept."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.api_keys import ApiKey, Scope, in_order
from app.store.tables import api_key
from app.store.transaction import Transaction


async def add(tx: Transaction, key: ApiKey) -> None:
    await tx.execute(
        insert(api_key).values(
            id=key.id,
            client=key.client,
            scopes=" ".join(in_order(key.scopes)),
            secret_sha256=key.secret_sha256,
            created_at=key.created_at,
            expires_at=key.expires_at,
            max_priority=key.max_priority,
        )
    )


async def get(tx: AsyncConnection, key_id: str) -> ApiKey | None:
    if "\0" in key_id:  # PostgreSQL takes it in no text
        return None
    row = (await tx.execute(select(api_key).where(api_key.c.id == key_id))).one_or_none()
    return None if row is None else as_key(row)


async def everyone(tx: AsyncConnection) -> list[ApiKey]:
    """All there ever were, oldest first."""
    return [as_key(row) for row in await tx.execute(select(api_key).order_by(api_key.c.created_at, api_key.c.id))]


async def revoke(tx: Transaction, key_id: str, *, at: datetime) -> None:
    """From this commit on it opens nothing. To revoke it twice changes nothing."""
    await tx.execute(
        update(api_key).where(api_key.c.id == key_id, api_key.c.revoked_at.is_(None)).values(revoked_at=at)
    )


async def used(tx: Transaction, key_id: str, *, at: datetime) -> None:
    await tx.execute(update(api_key).where(api_key.c.id == key_id).values(last_used_at=at))


def as_key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        client=row.client,
        scopes=frozenset(Scope(scope) for scope in row.scopes.split()),
        secret_sha256=row.secret_sha256,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
        max_priority=row.max_priority,
    )
