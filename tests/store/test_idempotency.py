"""Idempotency keys as they are stored: one request at a time holds a key, and one import keeps it."""

from datetime import datetime, timedelta

from app.store import idempotency
from app.store.database import Database
from app.store.idempotency import Claim, Earlier
from app.store.transaction import Transaction
from tests.store.seed import AT, an_import

FIRST, SECOND = Claim("crm", "key", "first"), Claim("crm", "key", "second")
MINUTE = timedelta(minutes=1)
OLD = AT - timedelta(days=30)


async def claim(tx: Transaction, new: Claim, *, at: datetime = AT, old: datetime = OLD) -> bool:
    """Take the key; a holder without a sign of life for two minutes is dead."""
    return await idempotency.claim(tx, new, parameters_sha256="aa", at=at, dead_since=at - 2 * MINUTE, old=old)


async def test_a_key_has_one_holder_and_each_client_keys_of_its_own(db: Database):
    """Whoever comes second is told of the first."""
    async with db.write() as tx:
        assert await idempotency.earlier(tx, "crm", "key") is None
        assert await claim(tx, FIRST)
        assert not await claim(tx, SECOND)
        assert await claim(tx, Claim("web", "key", "second"))
        assert await idempotency.earlier(tx, "crm", "key") == Earlier("aa", None, None, AT)


async def test_a_dead_holder_loses_the_key_and_one_that_gives_signs_of_life_does_not(db: Database):
    """It cannot make its import then, however far it had come."""
    async with db.write() as tx:
        await claim(tx, FIRST)
        await idempotency.touch(tx, FIRST, at=AT + MINUTE)
        assert not await claim(tx, SECOND, at=AT + 2 * MINUTE)
        assert await claim(tx, SECOND, at=AT + 3 * MINUTE)
        assert not await idempotency.keep(tx, FIRST, import_id=1, file_sha256="ff")
        await idempotency.release(tx, FIRST)
        assert await idempotency.earlier(tx, "crm", "key") is not None, "it is the second one's now"


async def test_a_key_that_stands_for_an_import_is_taken_only_once_it_is_old(db: Database):
    """No sign of life is needed any more, and nobody can give the key back."""
    import_id = await an_import(db)
    async with db.write() as tx:
        await claim(tx, FIRST)
        assert await idempotency.keep(tx, FIRST, import_id=import_id, file_sha256="ff")
        await idempotency.release(tx, FIRST)
        await idempotency.free_all(tx)
        assert await idempotency.earlier(tx, "crm", "key") == Earlier("aa", import_id, "ff", AT)
        assert not await claim(tx, SECOND, at=AT + timedelta(days=1))
        assert await claim(tx, SECOND, at=AT + timedelta(days=1), old=AT)
        assert await idempotency.earlier(tx, "crm", "key") == Earlier("aa", None, None, AT + timedelta(days=1))


async def test_a_key_that_was_given_back_is_free(db: Database):
    """So is one whose holder died with the only process that there was."""
    async with db.write() as tx:
        await claim(tx, FIRST)
        await idempotency.release(tx, FIRST)
        assert await claim(tx, SECOND)
        await idempotency.free_all(tx)
        assert await claim(tx, FIRST)


async def test_old_keys_and_dead_claims_are_forgotten(db: Database):
    """And nothing else."""
    import_id = await an_import(db)
    old, new, dead, alive = (Claim("crm", key, "holder") for key in ("old", "new", "dead", "alive"))
    async with db.write() as tx:
        for held, at in ((old, OLD), (new, AT - MINUTE), (dead, AT - 2 * MINUTE), (alive, AT - MINUTE)):
            assert await claim(tx, held, at=at, old=OLD - MINUTE)
        for held in (old, new):
            await idempotency.keep(tx, held, import_id=import_id, file_sha256="ff")
        await idempotency.forget(tx, dead_since=AT - 2 * MINUTE, old=OLD)
        left = [held.key for held in (old, new, dead, alive) if await idempotency.earlier(tx, "crm", held.key)]
    assert left == ["new", "alive"]
