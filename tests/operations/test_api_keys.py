"""Keys as their holders use them: what opens, what does not, and what an access token stands for."""

from datetime import timedelta

import pytest

from app.domain.api_keys import ApiKey, Scope
from app.domain.errors import NotFound
from app.operations.api_keys import ApiKeys, digest_of
from app.store import api_keys
from app.store.database import Database
from tests.support.clock import SteppedClock


@pytest.fixture
def keys(db: Database, clock: SteppedClock) -> ApiKeys:
    return ApiKeys(db=db, now=clock)


def parted(text: str) -> tuple[str, str]:
    _, key_id, secret = text.split("_")
    return key_id, secret


async def test_a_key_opens_with_its_secret_and_with_nothing_else(keys: ApiKeys):
    """The secret itself is not kept anywhere."""
    key, text = await keys.create("crm", [Scope.SUBMIT], max_priority=7)
    caller = await keys.caller(text)
    assert caller is not None
    assert (caller.client, caller.scopes, caller.max_priority) == ("crm", {Scope.SUBMIT}, 7)
    key_id, secret = parted(text)
    assert key.secret_sha256 == digest_of(secret)
    assert secret not in repr(key)
    for wrong in (text[:-1], f"slc_{key_id}_", f"slc_{key_id}", f"slc_another_{secret}", f"abc_{key_id}_{secret}", ""):
        assert await keys.caller(wrong) is None


async def test_a_key_dies_when_it_is_revoked_or_its_time_is_over(keys: ApiKeys, clock: SteppedClock):
    """At that very moment."""
    revoked, first = await keys.create("crm", [Scope.READ])
    clock.step(1)  # else which of them is the older is anybody's guess
    _, second = await keys.create("web", [Scope.READ], expires_at=clock() + timedelta(hours=1))
    await keys.revoke(revoked.id)
    assert await keys.caller(first) is None
    clock.step(3599)
    assert await keys.caller(second) is not None
    clock.step(1)
    assert await keys.caller(second) is None
    with pytest.raises(NotFound, match="sluice keys list"):
        await keys.revoke("unknown")
    assert [key.client for key in await keys.everyone()] == ["crm", "web"]


async def test_the_use_of_a_key_is_noted_once_a_minute(keys: ApiKeys, clock: SteppedClock):
    """A commit for each request would cost more than most requests."""
    _, text = await keys.create("crm", [Scope.READ])
    uses = []
    for seconds in (0, 59, 1):
        clock.step(seconds)
        await keys.caller(text)
        (key,) = await keys.everyone()
        uses.append(key.last_used_at)
    assert uses == [clock() - timedelta(seconds=60), clock() - timedelta(seconds=60), clock()]


async def test_an_access_token_stands_for_its_key_for_an_hour(keys: ApiKeys, clock: SteppedClock):
    """Then it is known as one whose time is over."""
    key, text = await keys.create("crm", [Scope.SUBMIT])
    token = await keys.exchange(*parted(text))
    assert token is not None
    assert (token.client, token.seconds) == ("crm", 3600)
    assert token.text not in repr(token)
    assert await keys.bearer(token.text) == (key.caller, False)
    clock.step(3600)
    assert await keys.bearer(token.text) == (key.caller, True)
    assert await keys.bearer("never given out") is None
    assert await keys.exchange(key.id, "wrong") is None
    await keys.revoke(key.id)
    assert await keys.bearer(token.text) is None


async def test_whoever_asks_again_soon_gets_the_same_token(keys: ApiKeys, clock: SteppedClock):
    """With the time that it has left, while that is half an hour at least."""
    _, text = await keys.create("crm", [Scope.SUBMIT])
    tokens = []
    for seconds in (0, 1800, 1):
        clock.step(seconds)
        token = await keys.exchange(*parted(text))
        assert token is not None
        tokens.append((token.text, token.seconds))
    first, again, another = tokens
    assert again == (first[0], 1800)
    assert another[0] != first[0]
    assert another[1] == 3600


async def test_a_token_does_not_outlive_its_key(keys: ApiKeys, clock: SteppedClock):
    """It is given out for the time that the key has left."""
    _, text = await keys.create("crm", [Scope.SUBMIT], expires_at=clock() + timedelta(minutes=40))
    token = await keys.exchange(*parted(text))
    assert token is not None
    assert token.seconds == 2400


async def test_what_another_process_revoked_opens_nothing_after_a_second(keys: ApiKeys, clock: SteppedClock):
    """However many requests and streams ask meanwhile, they share one look."""
    key, text = await keys.create("crm", [Scope.READ])
    token = await keys.exchange(*parted(text))
    assert token is not None
    assert await keys.caller(text)
    assert await keys.still_opens(key.id)
    assert await keys.bearer(token.text)
    await ApiKeys(keys.db, clock).revoke(key.id)
    assert await keys.still_opens(key.id), "it was looked at a moment ago"
    clock.step(1)
    assert not await keys.still_opens(key.id)
    assert await keys.caller(text) is None
    assert await keys.bearer(token.text) is None
    assert not await keys.still_opens("unknown")


async def test_what_this_process_revokes_opens_nothing_from_now_on(keys: ApiKeys):
    key, text = await keys.create("crm", [Scope.READ])
    token = await keys.exchange(*parted(text))
    assert token is not None
    assert await keys.bearer(token.text)
    await keys.revoke(key.id)
    assert await keys.caller(text) is None
    assert not await keys.still_opens(key.id)
    assert await keys.bearer(token.text) is None


async def test_a_key_that_is_made_elsewhere_is_known_at_once(keys: ApiKeys, clock: SteppedClock):
    assert not await keys.still_opens("0123456789ab")
    key = ApiKey("0123456789ab", "crm", frozenset({Scope.READ}), digest_of("s"), created_at=clock())
    async with keys.db.write() as tx:
        await api_keys.add(tx, key)
    assert await keys.still_opens(key.id)


async def test_a_key_s_use_is_noted_once_a_minute(keys: ApiKeys, clock: SteppedClock):
    _, text = await keys.create("crm", [Scope.READ])
    first = clock()
    for seconds in (0, 0, 30, 29):
        clock.step(seconds)
        assert await keys.caller(text)
    assert [key.last_used_at for key in await keys.everyone()] == [first]
    clock.step(1)
    assert await keys.caller(text)
    assert [key.last_used_at for key in await keys.everyone()] == [clock()]
