"""API keys as they are stored: never a secret, only its SHA-256."""

from dataclasses import replace
from datetime import timedelta

from app.domain.api_keys import ApiKey, Scope
from app.store import api_keys
from app.store.database import Database
from tests.store.seed import AT

CRM = ApiKey(
    id="0123456789ab",
    client="crm",
    scopes=frozenset({Scope.OPERATE, Scope.SUBMIT}),
    secret_sha256="5e" * 32,
    created_at=AT,
    expires_at=AT + timedelta(days=30),
    max_priority=7,
)
WEB = replace(CRM, id="ba9876543210", client="web", created_at=AT - timedelta(days=1), expires_at=None)


async def test_a_key_comes_back_as_it_was_stored(db: Database):
    """Its scopes are a set: the order in which they were given does not matter."""
    async with db.write() as tx:
        await api_keys.add(tx, CRM)
        assert await api_keys.get(tx, CRM.id) == CRM
        assert await api_keys.get(tx, "another") is None
        assert await api_keys.get(tx, "012\x00345") is None, "an id that PostgreSQL could not even be asked for"


async def test_all_keys_are_listed_the_oldest_first(db: Database):
    """Revoked ones too: there is no other trace of them."""
    async with db.write() as tx:
        await api_keys.add(tx, CRM)
        await api_keys.add(tx, WEB)
        await api_keys.revoke(tx, WEB.id, at=AT)
        assert [key.client for key in await api_keys.everyone(tx)] == ["web", "crm"]


async def test_a_key_is_revoked_once(db: Database):
    """The first time stands, and no other key is touched."""
    async with db.write() as tx:
        await api_keys.add(tx, CRM)
        await api_keys.add(tx, WEB)
        await api_keys.revoke(tx, CRM.id, at=AT)
        await api_keys.revoke(tx, CRM.id, at=AT + timedelta(hours=1))
        await api_keys.used(tx, CRM.id, at=AT + timedelta(hours=2))
        assert await api_keys.get(tx, CRM.id) == replace(CRM, revoked_at=AT, last_used_at=AT + timedelta(hours=2))
        assert await api_keys.get(tx, WEB.id) == WEB
