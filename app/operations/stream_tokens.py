"""Stream tokens: each opens the event stream of one import, for a minute, without a key in the URL.

A browser's EventSource sends no Authorization header. SECRETS_STAY_IN: what stands in a URL may be kept by whatever it
passes, so a token is good for that minute and that stream alone, and goes with its key.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.clock import Clock
from app.domain.api_keys import ApiKey
from app.domain.timeouts import STREAM_TOKEN_SECONDS
from app.operations.api_keys import TOKEN_BYTES, digest_of
from app.store import api_keys, stream_tokens
from app.store.database import Database

LIFE = timedelta(seconds=STREAM_TOKEN_SECONDS)


@dataclass(frozen=True, slots=True)
class StreamToken:
    text: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StreamTokens:
    db: Database
    now: Clock

    async def create(self, import_id: int, *, key_id: str | None) -> StreamToken:
        """A token for whoever has this key; its end is the key's, where that is sooner.

        None, in a service without keys: it need not be stored, for every stream is open there.
        """
        token = StreamToken(secrets.token_hex(TOKEN_BYTES), self.now() + LIFE)
        if key_id is None:
            return token
        async with self.db.write() as tx:
            key = await api_keys.get(tx, key_id)
            if key and key.expires_at:
                token = StreamToken(token.text, min(token.expires_at, key.expires_at))
            digest = digest_of(token.text)
            await stream_tokens.add(tx, digest, key_id=key_id, import_id=import_id, expires_at=token.expires_at)
        return token

    async def holder(self, token: str, import_id: int) -> ApiKey | None:
        """The key that a token of this import was made with; None where the token, or the key, opens nothing.

        However long it is said to live: it is over where that is more than a minute from now.
        """
        async with self.db.read() as tx:
            stored = await stream_tokens.get(tx, digest_of(token))
        if stored is None or stored.import_id != import_id or not stored.key.opens(self.now()):
            return None
        return stored.key if timedelta() < stored.expires_at - self.now() <= LIFE else None
