"""Stream tokens as they are stored: by their SHA-256, each for a key and an import."""

from datetime import timedelta

from app.store import api_keys, stream_tokens
from app.store.database import Database
from tests.store.seed import AT, an_import
from tests.store.test_api_keys import CRM


async def test_a_token_is_known_until_it_is_forgotten(db: Database):
    """With the key and the import that it is for."""
    import_id, until = await an_import(db), AT + timedelta(minutes=1)
    async with db.write() as tx:
        await api_keys.add(tx, CRM)
        await stream_tokens.add(tx, "70" * 32, key_id=CRM.id, import_id=import_id, expires_at=until)
        assert await stream_tokens.get(tx, "70" * 32) == (CRM, import_id, until)
        assert await stream_tokens.get(tx, "71" * 32) is None
        await stream_tokens.forget(tx, expired_before=until)
        assert await stream_tokens.get(tx, "70" * 32) is not None
        await stream_tokens.forget(tx, expired_before=until + timedelta(seconds=1))
        assert await stream_tokens.get(tx, "70" * 32) is None
