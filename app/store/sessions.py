"""Sessions of browsers. Of what a cookie holds only the SHA-256 is kept: nobody can read a session out of a back-up."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.api_keys import ApiKey
from app.store.api_keys import as_key
from app.store.tables import api_key, session
from app.store.transaction import Transaction

_FIND = (  # asked with every request of a page: building it would cost more than the answer
    select(api_key, session.c.expires_at.label("until"))
    .join(session, session.c.key_id == api_key.c.id)
    .where(session.c.token_sha256 == bindparam("token_sha256"))
)


class StoredSession(NamedTuple):
    key: ApiKey  # that was signed in with
    expires_at: datetime


async def add(tx: Transaction, token_sha256: str, *, key_id: str, expires_at: datetime) -> None:
    await tx.execute(insert(session).values(token_sha256=token_sha256, key_id=key_id, expires_at=expires_at))


async def get(tx: AsyncConnection, token_sha256: str) -> StoredSession | None:
    rows = await tx.execute(_FIND, {"token_sha256": token_sha256})
    row = rows.one_or_none()
    return None if row is None else StoredSession(as_key(row), row.until)


async def remove(tx: Transaction, token_sha256: str) -> None:
    await tx.execute(delete(session).where(session.c.token_sha256 == token_sha256))


async def forget(tx: Transaction, *, expired_before: datetime) -> None:
    await tx.execute(delete(session).where(session.c.expires_at < expired_before))
