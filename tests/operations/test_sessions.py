"""Sessions, without HTTP."""

import hashlib
from datetime import timedelta

import pytest

from app.domain.api_keys import Scope
from app.operations.api_keys import ApiKeys
from app.operations.sessions import Sessions
from app.store import sessions as stored
from app.store.database import Database
from tests.support.clock import SteppedClock
from tests.support.statements import statements


@pytest.fixture
def keys(db: Database, clock: SteppedClock) -> ApiKeys:
    return ApiKeys(db=db, now=clock)


@pytest.fixture
def sessions(db: Database, clock: SteppedClock, keys: ApiKeys) -> Sessions:
    return Sessions(db, clock, keys, 3600)


async def test_a_session_lasts_for_its_time(sessions: Sessions, keys: ApiKeys, clock: SteppedClock):
    """And is its key's caller as long."""
    _, text = await keys.create("crm", [Scope.READ])
    session = await sessions.begin(text)
    assert session
    assert session.token not in repr(session)
    clock.step(3599)
    found = await sessions.find(session.token)
    assert found
    assert found.key.client == "crm"
    clock.step(1)
    assert await sessions.find(session.token) is None


async def test_a_key_that_opens_nothing_begins_no_session(sessions: Sessions, keys: ApiKeys):
    key, text = await keys.create("crm", [Scope.READ])
    assert await sessions.begin(text[:-1]) is None
    assert await sessions.begin("no key") is None
    await keys.revoke(key.id)
    assert await sessions.begin(text) is None


async def test_a_session_ends_with_its_key(sessions: Sessions, keys: ApiKeys, clock: SteppedClock):
    """By a revocation at once, and by the key's own end."""
    key, text = await keys.create("crm", [Scope.READ], expires_at=clock() + timedelta(minutes=5))
    session = await sessions.begin(text)
    assert session
    assert session.expires_at == clock() + timedelta(minutes=5)
    await keys.revoke(key.id)
    assert await sessions.find(session.token) is None


async def test_a_session_that_was_ended_opens_nothing_and_no_other_is_touched(sessions: Sessions, keys: ApiKeys):
    _, text = await keys.create("crm", [Scope.READ])
    one, other = await sessions.begin(text), await sessions.begin(text)
    assert one
    assert other
    await sessions.end(one.token)
    await sessions.end(one.token)
    assert await sessions.find(one.token) is None
    assert await sessions.find(other.token) is not None


@pytest.mark.parametrize(("seconds", "opens"), [(0, False), (1, True), (3600, True), (3601, False)])
async def test_a_session_lives_no_longer_than_its_time_from_now_whatever_is_said_of_it(
    db: Database, sessions: Sessions, keys: ApiKeys, clock: SteppedClock, seconds: int, opens: bool
):
    """As a restored or a written row might say; and what is stored opens nothing."""
    key, _ = await keys.create("crm", [Scope.READ])
    digest = hashlib.sha256(b"a token").hexdigest()
    async with db.write() as tx:
        await stored.add(tx, digest, key_id=key.id, expires_at=clock() + timedelta(seconds=seconds))
    assert (await sessions.find("a token") is not None) == opens
    assert await sessions.find(digest) is None


async def test_a_session_that_another_process_ended_opens_nothing_within_a_second(
    db: Database, sessions: Sessions, keys: ApiKeys, clock: SteppedClock
):
    """However many requests it comes with meanwhile, it is looked up once."""
    _, text = await keys.create("crm", [Scope.READ])
    session = await sessions.begin(text)
    assert session
    assert await sessions.find(session.token)
    await Sessions(db, clock, keys, 3600).end(session.token)
    with statements(db) as asked:
        assert await sessions.find(session.token)
    assert asked == []
    clock.step(1)
    assert await sessions.find(session.token) is None
