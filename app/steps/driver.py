"""What the steps of one instance share: its client, its limits, its waits, and what was learnt of its speed."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.answers import Because
from app.domain.imports import Part
from app.domain.instances import WaitingFor
from app.domain.pacing import Pace
from app.domain.patience import BLOCKED_RETRY_SECONDS, CONCURRENCY_PAUSE_SECONDS, Patience, after, quota_reset
from app.marketo.client import Marketo
from app.store import events, imports, instances
from app.store.database import Database
from app.store.imports import Standing


@dataclass(frozen=True, slots=True)
class Driver:
    db: Database
    marketo: Marketo
    now: Clock
    chance: Callable[[], float]  # in [0, 1): jitter
    patience: Patience
    max_importing: int
    max_queued: int
    pace: Pace = field(default_factory=Pace)

    async def standing(self, part: Part) -> Standing:
        async with self.db.read() as tx:
            found = await imports.standing(tx, part.import_id)
        assert found is not None, "a part that moves belongs to an accepted import"
        return found

    async def make_wait(
        self, tx: AsyncConnection, instance: str, because: Because, message: str, *, attempts: int = 0
    ) -> None:
        """Let the whole instance wait for what Marketo said. Effect: in the caller's transaction."""
        at = self.now()
        match because:
            case Because.BLOCKED:
                again = after(at, BLOCKED_RETRY_SECONDS)
                if await instances.block(tx, instance, at=at, reason=message, try_again_at=again):
                    await events.append(tx, "blocked", at=at, instance=instance, reason=message)
            case Because.RATE_LIMIT:
                until = self.patience.after_window(at)
                await instances.hold(tx, instance, until=until, reason=WaitingFor.RATE_LIMIT)
            case Because.CONCURRENCY:
                until = after(at, CONCURRENCY_PAUSE_SECONDS)
                await instances.hold(tx, instance, until=until, reason=WaitingFor.RATE_LIMIT)
            case Because.DAILY_QUOTA:
                await instances.hold(tx, instance, until=quota_reset(at), reason=WaitingFor.DAILY_QUOTA)
            case Because.UNAVAILABLE:
                until = self.patience.retry(at, attempts, chance=self.chance())
                await instances.hold(tx, instance, until=until, reason=WaitingFor.RETRY)
            case Because.QUEUE_FULL | Because.LIST_BUSY:
                pass  # the part's business, not the instance's

    async def make_well(self, tx: AsyncConnection, instance: str) -> None:
        """Marketo takes our calls: a block, if there was one, is over."""
        known = await instances.get(tx, instance)
        if known and known.blocked_at:
            await instances.unblock(tx, instance)
            await events.append(tx, "unblocked", at=self.now(), instance=instance)
