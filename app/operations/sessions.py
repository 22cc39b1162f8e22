"""Sessions: a browser signs in with an API key once, and has a cookie from then on.

What the cookie holds is random and looked up, as every token here is (decision 22): nobody can make one up, no back-up
holds one, and signing out, or revoking the key, ends it: at once in this process, within a second in any other.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.clock import Clock
from app.domain.api_keys import ApiKey
from app.domain.timeouts import KEY_LOOK_SECONDS
from app.operations.api_keys import ApiKeys, digest_of
from app.store import sessions
from app.store.database import Database
from app.store.sessions import StoredSession
from app.ttl_cache import TtlCache

TOKEN_BYTES = 32
KEPT_SESSIONS = 1_000  # that were looked up a moment ago


@dataclass(frozen=True, slots=True)
class Session:
    token: str = field(repr=False)
    key: ApiKey
    expires_at: datetime


@dataclass(slots=True)
class Sessions:
    db: Database
    now: Clock
    keys: ApiKeys
    seconds: float  # that a session lasts
    _stored: TtlCache[str, StoredSession] = field(init=False, repr=False)  # by the digests of their tokens

    def __post_init__(self) -> None:
        self._stored = TtlCache(self.now, KEPT_SESSIONS)

    async def begin(self, key_text: str) -> Session | None:
        """A session for whoever has this key; its end is the key's, where that is sooner. None: it opens nothing."""
        key = await self.keys.find(key_text)
        if key is None:
            return None
        until = self.now() + timedelta(seconds=self.seconds)
        session = Session(secrets.token_hex(TOKEN_BYTES), key, min(until, key.expires_at or until))
        async with self.db.write() as tx:
            await sessions.add(tx, digest_of(session.token), key_id=key.id, expires_at=session.expires_at)
        return session

    async def find(self, token: str) -> Session | None:
        """The session that a cookie holds; None where it was never begun, or is over, or its key is.

        However long it is said to live: it is over where that is more than its time from now.
        """
        digest = digest_of(token)
        stored = await self._stored.get(digest, lambda: self._look_up(digest), within_seconds=KEY_LOOK_SECONDS)
        if stored is None or not await self.keys.still_opens(stored.key.id):
            return None
        left = stored.expires_at - self.now()
        return Session(token, *stored) if timedelta() < left <= timedelta(seconds=self.seconds) else None

    async def end(self, token: str) -> None:
        """What a cookie holds opens nothing from now on. To end it twice is no mistake."""
        digest = digest_of(token)
        async with self.db.write() as tx:
            await sessions.remove(tx, digest)
        self._stored.forget(digest)

    async def _look_up(self, digest: str) -> StoredSession | None:
        async with self.db.read() as tx:
            return await sessions.get(tx, digest)
