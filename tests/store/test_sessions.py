"""Sessions as they are stored: by the SHA-256 of what the cookie holds, each for a key."""

from datetime import timedelta

from app.store import api_keys, sessions
from app.store.database import Database
from tests.store.seed import AT
from tests.store.test_api_keys import CRM


async def test_a_session_is_known_until_it_is_removed_or_forgotten(db: Database):
    """With the key that was signed in with."""
    until = AT + timedelta(hours=12)
    async with db.write() as tx:
        await api_keys.add(tx, CRM)
        for digest in ("70" * 32, "71" * 32):
            await sessions.add(tx, digest, key_id=CRM.id, expires_at=until)
        assert await sessions.get(tx, "70" * 32) == (CRM, until)
        assert await sessions.get(tx, "72" * 32) is None
        await sessions.remove(tx, "70" * 32)
        assert await sessions.get(tx, "70" * 32) is None
        await sessions.forget(tx, expired_before=until)
        assert await sessions.get(tx, "71" * 32) is not None
        await sessions.forget(tx, expired_before=until + timedelta(seconds=1))
        assert await sessions.get(tx, "71" * 32) is None
