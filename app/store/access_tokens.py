"""Access tokens of Marketo's own paths. Of a token only its SHA-256 is kept: nobody can read one out of a back-up."""

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.api_keys import ApiKey
from app.store.api_keys import as_key
from app.store.tables import access_token, api_key
from app.store.transaction import Transaction


async def add(tx: Transaction, token_sha256: str, *, key_id: str, expires_at: datetime) -> None:
    await tx.execute(insert(access_token).values(token_sha256=token_sha256, key_id=key_id, expires_at=expires_at))


async def get(tx: AsyncConnection, token_sha256: str) -> tuple[ApiKey, datetime] | None:
    """(the key that it stands for, until when)."""
    rows = await tx.execute(
        select(api_key, access_token.c.expires_at.label("until"))
        .join(access_token, access_token.c.key_id == api_key.c.id)
        .where(access_token.c.token_sha256 == token_sha256)
    )
    row = rows.one_or_none()
    return None if row is None else (as_key(row), row.until)


async def forget(tx: Transaction, *, expired_before: datetime) -> None:
    await tx.execute(delete(access_token).where(access_token.c.expires_at < expired_before))
