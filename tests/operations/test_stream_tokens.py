"""Stream tokens, without HTTP."""

import hashlib
from datetime import timedelta

import pytest

from app.domain.api_keys import Scope
from app.operations.api_keys import ApiKeys
from app.operations.stream_tokens import StreamTokens
from app.store import stream_tokens
from app.store.database import Database
from tests.store.seed import an_import
from tests.support.clock import SteppedClock


@pytest.mark.parametrize(("seconds", "opens"), [(0, False), (1, True), (60, True), (61, False), (86_400 * 365, False)])
async def test_a_token_lives_no_longer_than_a_minute_from_now_whatever_is_said_of_it(
    db: Database, clock: SteppedClock, seconds: int, opens: bool
):
    """As a restored or a written row might say; or a clock that was set back."""
    import_id = await an_import(db)
    key, _ = await ApiKeys(db=db, now=clock).create("crm", [Scope.SUBMIT])
    digest = hashlib.sha256(b"a token").hexdigest()
    until = clock() + timedelta(seconds=seconds)
    async with db.write() as tx:
        await stream_tokens.add(tx, digest, key_id=key.id, import_id=import_id, expires_at=until)
    tokens = StreamTokens(db, clock)
    holder = await tokens.holder("a token", import_id)
    assert (holder is not None) == opens
    assert await tokens.holder(digest, import_id) is None, "what is stored opens nothing"
    assert await tokens.holder("a token", import_id + 1) is None


async def test_what_opens_a_stream_is_not_in_the_database(db: Database, clock: SteppedClock):
    """Nor in what is printed of it."""
    import_id = await an_import(db)
    key, _ = await ApiKeys(db=db, now=clock).create("crm", [Scope.SUBMIT])
    token = await StreamTokens(db, clock).create(import_id, key_id=key.id)
    assert token.text not in repr(token)
    async with db.read() as tx:
        assert await stream_tokens.get(tx, token.text) is None
        assert await stream_tokens.get(tx, hashlib.sha256(token.text.encode()).hexdigest()) is not None
