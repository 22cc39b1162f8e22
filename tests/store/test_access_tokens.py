"""Access tokens as they are stored: by their SHA-256, each for its key."""

from datetime import timedelta

from app.store import access_tokens, api_keys
from app.store.database import Database
from tests.store.seed import AT
from tests.store.test_api_keys import CRM


async def test_an_access_token_stands_for_its_key_until_it_is_forgotten(db: Database):
    """One that has only expired is still known: its caller is told so, and not that it never was one."""
    until = AT + timedelta(hours=1)
    async with db.write() as tx:
        await api_keys.add(tx, CRM)
        await access_tokens.add(tx, "70" * 32, key_id=CRM.id, expires_at=until)
        assert await access_tokens.get(tx, "70" * 32) == (CRM, until)
        assert await access_tokens.get(tx, "71" * 32) is None
        await access_tokens.forget(tx, expired_before=until)
        assert await access_tokens.get(tx, "70" * 32) == (CRM, until)
        await access_tokens.forget(tx, expired_before=until + timedelta(seconds=1))
        assert await access_tokens.get(tx, "70" * 32) is None
