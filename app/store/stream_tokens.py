"""Stream tokens. Of a token only its SHA-256 is kept: nobody can read one out of a back-up."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.api_keys import ApiKey
from app.store.api_keys import as_key
from app.store.tables import api_key, stream_token
from app.store.transaction import Transaction


class StoredToken(NamedTuple):
    key: ApiKey  # that it was made with
    import_id: int
    expires_at: datetime


async def add(tx: Transaction, token_sha256: str, *, key_id: str, import_id: int, expires_at: datetime) -> None:
    values = {"token_sha256": token_sha256, "key_id": key_id, "import_id": import_id, "expires_at": expires_at}
    await tx.execute(insert(stream_token).values(values))


async def get(tx: AsyncConnection, token_sha256: str) -> StoredToken | None:
    rows = await tx.execute(
        select(api_key, stream_token.c.import_id, stream_token.c.expires_at.label("until"))
        .join(stream_token, stream_token.c.key_id == api_key.c.id)
        .where(stream_token.c.token_sha256 == token_sha256)
    )
    row = rows.one_or_none()
    return None if row is None else StoredToken(as_key(row), row.import_id, row.until)


async def forget(tx: Transaction, *, expired_before: datetime) -> None:
    await tx.execute(delete(stream_token).where(stream_token.c.expires_at < expired_before))
