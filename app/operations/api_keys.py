"""API keys: creating and revoking them, finding out who sends one, and exchanging one for an access token."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from app.clock import Clock
from app.domain.api_keys import ApiKey, Caller, Scope, read, written
from app.domain.errors import NotFound
from app.domain.imports import HIGHEST_PRIORITY
from app.domain.timeouts import KEY_LOOK_SECONDS, KEY_USE_SECONDS, TOKEN_FRESH_SECONDS
from app.store import access_tokens, api_keys
from app.store.database import AWAY, Database
from app.ttl_cache import TtlCache

log = structlog.get_logger()

ID_BYTES, SECRET_BYTES = 6, 24  # 48 bits tell keys apart, 192 cannot be guessed
TOKEN_BYTES = 24
KEPT_KEYS = 1_000  # that were used a moment ago, and as many tokens
TOKEN_LIFE = timedelta(hours=1)  # as Marketo's. Adobe, "Authentication", read 2026-08


@dataclass(frozen=True, slots=True)
class AccessToken:
    text: str = field(repr=False)
    seconds: int  # that it lives
    client: str


@dataclass(frozen=True, slots=True)
class _Issued:
    """A token that was given out by this process, in clear: only its digest is in the database."""

    text: str = field(repr=False)
    dies: float  # by the monotonic clock


@dataclass(slots=True)
class ApiKeys:
    db: Database
    now: Clock
    _issued: dict[str, _Issued] = field(default_factory=dict, repr=False)  # the last one, by its key's id
    _keys: TtlCache[str, ApiKey] = field(init=False, repr=False)  # by their ids
    _tokens: TtlCache[str, tuple[ApiKey, datetime]] = field(init=False, repr=False)  # by their digests
    _noted: dict[str, datetime] = field(default_factory=dict, repr=False)  # uses of keys, by their ids

    def __post_init__(self) -> None:
        self._keys = TtlCache(self.now, KEPT_KEYS)
        self._tokens = TtlCache(self.now, KEPT_KEYS)

    async def create(
        self,
        client: str,
        scopes: Iterable[Scope],
        *,
        expires_at: datetime | None = None,
        max_priority: int = HIGHEST_PRIORITY,
    ) -> tuple[ApiKey, str]:
        """(the key as it is stored, the text that its holder sends: shown only here)."""
        secret = secrets.token_hex(SECRET_BYTES)
        key = ApiKey(
            id=secrets.token_hex(ID_BYTES),
            client=client,
            scopes=frozenset(scopes),
            secret_sha256=digest_of(secret),
            created_at=self.now(),
            expires_at=expires_at,
            max_priority=max_priority,
        )
        async with self.db.write() as tx:
            await api_keys.add(tx, key)
        return key, written(key.id, secret)

    async def everyone(self) -> list[ApiKey]:
        async with self.db.read() as tx:
            return await api_keys.everyone(tx)

    async def revoke(self, key_id: str) -> None:
        """Errors: NotFound."""
        async with self.db.write() as tx:
            if await api_keys.get(tx, key_id) is None:
                raise NotFound(f"There is no key {key_id}. `sluice keys list` shows them all.")
            await api_keys.revoke(tx, key_id, at=self.now())
        self._keys.forget(key_id)
        self._tokens.forget()

    async def caller(self, text: str) -> Caller | None:
        """Who sends this key; None where it opens nothing."""
        key = await self.find(text)
        return key.caller if key else None

    async def find(self, text: str) -> ApiKey | None:
        """The key that is sent; None where it opens nothing. How long that takes tells nothing about the secret."""
        key_id, secret = read(text) or ("", "")
        return await self.holder(key_id, secret)

    async def still_opens(self, key_id: str) -> bool:
        """Whether a key that let somebody in would do so again."""
        key = await self._get(key_id)
        return key is not None and key.opens(self.now())

    async def _get(self, key_id: str) -> ApiKey | None:
        """The key with this id, as it was within the last second: another process may have revoked it since."""

        async def look_up() -> ApiKey | None:
            async with self.db.read() as tx:
                return await api_keys.get(tx, key_id)

        return await self._keys.get(key_id, look_up, within_seconds=KEY_LOOK_SECONDS)

    async def holder(self, key_id: str, secret: str) -> ApiKey | None:
        """The key with this id, if that is its secret and it opens."""
        key = await self._get(key_id)
        right = hmac.compare_digest(digest_of(secret), key.secret_sha256 if key else digest_of(""))
        if key is None or not right or not key.opens(self.now()):
            return None
        await self._note_use(key)
        return key

    async def exchange(self, key_id: str, secret: str) -> AccessToken | None:
        """A token that stands for this key for an hour, or as long as the key has left; None where it opens nothing.

        Who asks again soon gets the same one, with the time that it has left: as Marketo does it.
        """
        key = await self.holder(key_id, secret)
        if key is None:
            return None
        issued = self._issued.get(key.id)
        if issued is None or issued.dies - self.now.monotonic() < TOKEN_FRESH_SECONDS:
            issued = self._issued[key.id] = await self._another(key)
        return AccessToken(issued.text, int(issued.dies - self.now.monotonic()), key.client)

    async def bearer(self, token: str) -> tuple[Caller, bool] | None:
        """(whom a token stands for, whether its time is over); None where it was never given out, or its key is gone.

        However long it is said to live: it is over where that is more than an hour from now.
        """
        digest = digest_of(token)

        async def look_up() -> tuple[ApiKey, datetime] | None:
            async with self.db.read() as tx:
                return await access_tokens.get(tx, digest)

        stored = await self._tokens.get(digest, look_up, within_seconds=KEY_LOOK_SECONDS)
        if stored is None or not stored[0].opens(self.now()):
            return None
        key, until = stored
        await self._note_use(key)
        return key.caller, not timedelta() < until - self.now() <= TOKEN_LIFE

    async def _another(self, key: ApiKey) -> _Issued:
        text, now = secrets.token_hex(TOKEN_BYTES), self.now()
        seconds = (min(now + TOKEN_LIFE, key.expires_at or now + TOKEN_LIFE) - now).total_seconds()
        issued = _Issued(text, self.now.monotonic() + seconds)
        async with self.db.write() as tx:
            until = now + timedelta(seconds=seconds)
            await access_tokens.add(tx, digest_of(text), key_id=key.id, expires_at=until)
        return issued

    async def _note_use(self, key: ApiKey) -> None:
        at, last = self.now(), self._noted.get(key.id, key.last_used_at)
        if last and abs((at - last).total_seconds()) < KEY_USE_SECONDS:
            return
        self._noted[key.id] = at
        try:
            async with self.db.write() as tx:
                await api_keys.used(tx, key.id, at=at)
        except AWAY as away:  # a full disk must not keep readers out
            log.warning("a key's use cannot be noted", error=type(away).__name__)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
