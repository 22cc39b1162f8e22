"""Maintenance: what is no longer needed leaves the database. It is about no instance, so it needs no lease."""

from dataclasses import dataclass
from datetime import timedelta

from app.clock import Clock
from app.container import Container
from app.domain.timeouts import TOKEN_OLD_SECONDS, UPLOAD_IDLE_SECONDS
from app.operations.cancel import Cancel
from app.operations.erase import Erase
from app.operations.webhooks import Webhooks
from app.store import access_tokens, discards, idempotency, sessions, stream_tokens
from app.store.database import Database
from app.uploads.cleanup import Cleanup
from app.uploads.idempotency import forget_expired


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Each run takes short transactions only, and several processes may run it at the same time."""

    db: Database
    now: Clock
    cancel: Cancel
    cleanup: Cleanup
    erase: Erase
    webhooks: Webhooks

    async def run_once(self) -> None:
        """Remove expired Idempotency-Keys, tokens and sessions, uploads that broke off, and what is past its retention.

        Imports under review that nobody has released in time are cancelled.
        """
        async with self.db.write() as tx:
            await forget_expired(tx, now=self.now)
            await access_tokens.forget(tx, expired_before=self.now() - timedelta(seconds=TOKEN_OLD_SECONDS))
            at = self.now()
            await stream_tokens.forget(tx, expired_before=at)
            await sessions.forget(tx, expired_before=at)
            await discards.give_up_idle(tx, untouched_since=at - timedelta(seconds=UPLOAD_IDLE_SECONDS), at=at)
        await self.cancel.what_nobody_released()
        await self.cleanup.given_up()
        await self.erase.what_is_too_old()
        await self.webhooks.tidy()

    async def forget_uploads(self) -> None:
        """Give up every upload that is still open, and free its Idempotency-Key.

        Only for the start of a process that has the database to itself: the uploads broke off with the last process.
        """
        async with self.db.write() as tx:
            await idempotency.free_all(tx)
            await discards.give_up_all(tx, at=self.now())


def build_maintenance(container: Container) -> Maintenance:
    return Maintenance(
        container.db, container.now, container.cancel, container.cleanup, container.erase, container.webhooks
    )
