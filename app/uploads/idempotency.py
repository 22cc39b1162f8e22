"""Requests of a client that carry the same Idempotency-Key are one request, and make one import.

The key is claimed before the body is read, and stands for the import from the very commit on that makes it. Whoever
comes second meets the claim (KeyInUse) or the import, which is answered again if the request is the same.
"""

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from app.batcher import Batch, Batcher
from app.clock import Clock
from app.domain.errors import KeyInUse, KeyReused
from app.domain.imports import Bundle, Request
from app.domain.timeouts import HELD_KEY_RETRY_SECONDS, IDEMPOTENCY_KEPT_SECONDS, IDEMPOTENT_UPLOAD_IDLE_SECONDS
from app.store import idempotency
from app.store.database import Database
from app.store.idempotency import Claim, Earlier
from app.store.transaction import Transaction
from app.uploads.cleanup import Cleanup

SIGN_OF_LIFE_SECONDS = IDEMPOTENT_UPLOAD_IDLE_SECONDS / 10


class _Asked(NamedTuple):
    claim: Claim
    parameters_sha256: str


@dataclass(slots=True)
class Idempotency:
    db: Database
    now: Clock
    cleanup: Cleanup
    _claims: Batcher[_Asked, bool] = field(init=False)

    def __post_init__(self) -> None:
        self._claims = Batcher(self._claim_all, most=100)

    async def claim(self, client: str, key: str, parameters_sha256: str) -> Claim | Earlier:
        """The key, for this request to use; or the finished request that has it, to be answered again.

        Errors: KeyInUse, KeyReused.
        """
        claim = Claim(client, key, uuid.uuid4().hex)
        await self.cleanup.again()  # a claim of our own that could not be given back
        while True:
            at = self.now()
            if await self._take(_Asked(claim, parameters_sha256)):
                return claim
            async with self.db.read() as tx:
                first = await idempotency.earlier(tx, client, key)
            if first is None:
                continue  # it was given back in between
            if first.parameters_sha256 != parameters_sha256:
                raise _reused("its parameters are others")
            if first.import_id is None:
                gone = first.touched_at + timedelta(seconds=IDEMPOTENT_UPLOAD_IDLE_SECONDS)
                soonest, latest = HELD_KEY_RETRY_SECONDS
                raise KeyInUse(
                    "The first request with this Idempotency-Key is still being received. Ask again for its import.",
                    retry_after_seconds=max(soonest, round(min((gone - at).total_seconds(), latest))),
                )
            return first

    async def _take(self, asked: _Asked) -> bool:
        """Whether the key is ours now. Whoever is cancelled here leaves no claim behind."""
        taking = asyncio.ensure_future(self._claims.ask(asked))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            await asyncio.shield(self._let_go(taking, asked.claim))
            raise

    async def _let_go(self, taking: asyncio.Future[bool], claim: Claim) -> None:
        await asyncio.wait([taking])
        await self.cleanup.take_back(claim, partial(self._release, claim))

    async def _claim_all(self, batch: Batch[_Asked, bool]) -> Sequence[bool]:
        """In one transaction, always in the order of the keys: two processes never wait for each other in a circle."""
        at, took = self.now(), {}
        async with self.db.write() as tx:
            for claim, sha256 in sorted(batch.requests):
                took[claim] = await idempotency.claim(tx, claim, parameters_sha256=sha256, at=at, **_limits(self.now))
        return [took[asked.claim] for asked in batch.requests]

    async def stands(self, client: str, key: str) -> bool:
        """Whether the key stands for an import already."""
        async with self.db.read() as tx:
            first = await idempotency.earlier(tx, client, key)
        return first is not None and first.import_id is not None

    @asynccontextmanager
    async def claim_guard(self, claim: Claim) -> AsyncIterator[None]:
        """Give the key back if nothing comes of it: a request that was refused does not use it up."""
        try:
            yield
        except BaseException:
            await asyncio.shield(self.cleanup.take_back(claim, partial(self._release, claim)))
            raise

    async def touch_while(self, claim: Claim, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same chunks; while they come, the claim is not taken for dead."""
        touched = self.now.monotonic()
        async for chunk in chunks:
            yield chunk
            if self.now.monotonic() - touched >= SIGN_OF_LIFE_SECONDS:
                touched = self.now.monotonic()
                async with self.db.write() as tx:
                    await idempotency.touch(tx, claim, at=self.now())

    async def keep(self, tx: Transaction, claim: Claim, *, import_id: int, file_sha256: str) -> None:
        """In the transaction that makes the import. Errors: KeyInUse, where the claim was taken for dead."""
        if not await idempotency.keep(tx, claim, import_id=import_id, file_sha256=file_sha256):
            raise _overtaken()

    async def lost(self, tx: Transaction, claims: Sequence[Claim]) -> dict[Claim | None, KeyInUse]:
        """Those of these claims that were taken for dead, and what their callers are told; the others are locked."""
        held = await idempotency.lock_held(tx, claims)
        return {claim: _overtaken() for claim in claims if claim not in held}

    async def keep_all(self, tx: Transaction, kept: Mapping[Claim, tuple[int, str]]) -> None:
        """In the transaction that makes the imports: (import, SHA-256 of its file) by claim. The claims are locked."""
        await idempotency.keep_all(tx, kept)

    async def _release(self, claim: Claim) -> None:
        async with self.db.write() as tx:
            await idempotency.release(tx, claim)


def answered_again(first: Earlier, file_sha256: str) -> int:
    """The import of the first request, if this one brought the same file. Errors: KeyReused."""
    assert first.import_id is not None
    if file_sha256 != first.file_sha256:
        raise _reused("its file is another")
    return first.import_id


def fingerprint(request: Request, *, retry_of: int | None, corrected: bool) -> str:
    """What makes two requests the same, but for the file: all of their parameters.

    A parameter that is younger than the keys of the last month counts only where it is not the default.
    """
    parameters = asdict(request) | {
        "object_type": request.target.object_type,
        "retry_of": retry_of,
        "corrected": corrected,
    }
    del parameters["file_name"]
    if request.bundle is Bundle.AUTO:
        del parameters["bundle"]
    if request.column_map is None:
        del parameters["column_map"]
    if not request.review:
        del parameters["review"]
    return hashlib.sha256(json.dumps(parameters, sort_keys=True, default=str).encode()).hexdigest()


async def forget_expired(tx: Transaction, *, now: Clock) -> None:
    """What nobody may refer to any more."""
    await idempotency.forget(tx, **_limits(now))


def _limits(now: Clock) -> dict[str, datetime]:
    return {
        "dead_since": now() - timedelta(seconds=IDEMPOTENT_UPLOAD_IDLE_SECONDS),
        "old": now.ago(IDEMPOTENCY_KEPT_SECONDS),
    }


def _overtaken() -> KeyInUse:
    return KeyInUse(
        "Another request with this Idempotency-Key overtook this one. Ask again for its import.",
        retry_after_seconds=HELD_KEY_RETRY_SECONDS[0],
    )


def _reused(why: str) -> KeyReused:
    return KeyReused(f"This Idempotency-Key stands for an earlier request, and {why}. Use a key of its own for each.")
