"""Keys: minting them, taking them back, and telling who holds one."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from app.clock import Clock
from app.domain.clients import Caller, Key, Scope, access_token, read, read_access_token, written
from app.domain.errors import NotFound
from app.domain.imports import HIGHEST_PRIORITY
from app.domain.patience import KEY_LOOK_SECONDS, KEY_USE_SECONDS
from app.store import keys
from app.store.database import AWAY, Database

log = structlog.get_logger()

ID_BYTES, SECRET_BYTES = 6, 24  # 48 bits tell keys apart, 192 cannot be guessed
LOOKED_KEYS = 1_000  # that are remembered at once
TOKEN_LIFE = timedelta(hours=1)  # as Marketo's. Adobe, "Authentication", read 2026-08


@dataclass(frozen=True, slots=True)
class AccessToken:
    text: str
    seconds: int  # that it lives
    client: str


@dataclass(frozen=True, slots=True)
class Keys:
    db: Database
    now: Clock
    _looked: dict[str, tuple[datetime, asyncio.Future[bool]]] = field(default_factory=dict)
    """By the ids of keys that let somebody in: when they were looked at again, and the look."""

    async def create(
        self,
        client: str,
        scopes: Iterable[Scope],
        *,
        expires_at: datetime | None = None,
        max_priority: int = HIGHEST_PRIORITY,
    ) -> tuple[Key, str]:
        """(the key as it is kept, the key as its holder sends it: told this once)."""
        secret = secrets.token_hex(SECRET_BYTES)
        key = Key(
            id=secrets.token_hex(ID_BYTES),
            client=client,
            scopes=frozenset(scopes),
            secret_sha256=digest_of(secret),
            created_at=self.now(),
            expires_at=expires_at,
            max_priority=max_priority,
        )
        async with self.db.write() as tx:
            await keys.add(tx, key)
        return key, written(key.id, secret)

    async def everyone(self) -> list[Key]:
        async with self.db.read() as tx:
            return await keys.everyone(tx)

    async def revoke(self, key_id: str) -> None:
        """Errors: NotFound."""
        async with self.db.write() as tx:
            if await keys.get(tx, key_id) is None:
                raise NotFound(f"There is no key {key_id}. `sluice keys list` shows them all.")
            await keys.revoke(tx, key_id, at=self.now())

    async def caller(self, text: str) -> Caller | None:
        """Who sends this key; None where it opens nothing. How long that takes tells nothing about the secret."""
        key_id, secret = read(text) or ("", "")
        key = await self.holder(key_id, secret)
        return key.caller if key else None

    async def still_opens(self, key_id: str) -> bool:
        """Whether a key that let somebody in would do so again; all who ask at about the same time share one look."""
        at = self.now()
        looked_at, look = self._looked.get(key_id, (None, None))
        if looked_at is None or look is None or at - looked_at >= timedelta(seconds=KEY_LOOK_SECONDS):
            if len(self._looked) >= LOOKED_KEYS:
                self._looked.clear()
            look = asyncio.ensure_future(self._opens(key_id, at))
            look.add_done_callback(_is_heard)
            self._looked[key_id] = (at, look)
        return await asyncio.shield(look)

    async def _opens(self, key_id: str, at: datetime) -> bool:
        async with self.db.read() as tx:
            key = await keys.get(tx, key_id)
        return key is not None and key.opens(at)

    async def holder(self, key_id: str, secret: str) -> Key | None:
        """The key with this id, if that is its secret and it opens."""
        async with self.db.read() as tx:
            key = await keys.get(tx, key_id)
        right = hmac.compare_digest(digest_of(secret), key.secret_sha256 if key else digest_of(""))
        if key is None or not right or not key.opens(self.now()):
            return None
        await self._note_use(key)
        return key

    async def exchange(self, key_id: str, secret: str) -> AccessToken | None:
        """A token that stands for this key for an hour, or as long as the key has left; None where it opens nothing."""
        key = await self.holder(key_id, secret)
        if key is None:
            return None
        now = self.now()
        until = now + TOKEN_LIFE if key.expires_at is None else min(now + TOKEN_LIFE, key.expires_at)
        until = until.replace(microsecond=0)
        return AccessToken(access_token(key, until), int((until - now).total_seconds()), key.client)

    async def bearer(self, token: str) -> tuple[Caller, bool] | None:
        """(whom a token stands for, whether its time is over); None where no key that opens has signed it."""
        key_id, until = read_access_token(token) or ("", self.now())
        async with self.db.read() as tx:
            key = await keys.get(tx, key_id)
        if key is None or not key.opens(self.now()):
            return None
        if not hmac.compare_digest(access_token(key, until).encode(), token.encode()):
            return None
        await self._note_use(key)
        return key.caller, until <= self.now()

    async def _note_use(self, key: Key) -> None:
        at = self.now()
        if key.last_used_at and at - key.last_used_at < timedelta(seconds=KEY_USE_SECONDS):
            return
        try:
            async with self.db.write() as tx:
                await keys.used(tx, key.id, at=at)
        except AWAY as away:  # a full disk must not keep readers out
            log.warning("a key's use cannot be noted", error=type(away).__name__)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _is_heard(look: asyncio.Future[bool]) -> None:
    """Its error is for whoever waits for it, if anybody still does."""
    if not look.cancelled():
        look.exception()
