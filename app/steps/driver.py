"""What the steps of one instance share: its client, its limits, its waits, its lease, what was seen of its queue."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.answers import Because
from app.domain.history import Occurrence
from app.domain.imports import Part
from app.domain.instances import Instance, WaitingFor
from app.domain.lifecycle import State
from app.domain.patience import BLOCKED_RETRY_SECONDS, CONCURRENCY_PAUSE_SECONDS, Patience, after, quota_again
from app.marketo.allowance import Sleep
from app.marketo.client import Marketo
from app.steps.lease import Lease
from app.steps.points import Reached
from app.steps.watch import Watch
from app.store import events, imports, instances, parts, tallies
from app.store.database import Database
from app.store.imports import Standing
from app.store.parts import Stale


class LeaseLost(Stale):
    """Another worker drives the instance: nothing may be written about it (FENCED)."""


@dataclass(frozen=True, slots=True)
class Driver:
    db: Database
    marketo: Marketo
    now: Clock
    sleep: Sleep
    chance: Callable[[], float]  # in [0, 1): jitter
    patience: Patience
    watch: Watch
    max_queued: int
    reached: Reached

    @asynccontextmanager
    async def writing(self, lease: Lease, *, share: bool = False) -> AsyncIterator[tuple[AsyncConnection, Instance]]:
        """A transaction that may write about the instance: its row is locked, and the lease is ours (FENCED).

        `share`: the instance's row itself is not written to, so that others need not wait.
        Errors: LeaseLost; ClockJumped, where the clock was set and what is to be written was timed before.
        """
        jump_id = self.now.jump_id
        async with self.marketo.answers.handed_on() as answers, self.db.write() as tx:
            instance = await instances.lock(tx, lease.instance, epoch=lease.epoch, share=share)
            if instance is None:
                raise LeaseLost(f"{lease.instance}: the lease with epoch {lease.epoch} is lost")
            self.now.expect(jump_id)
            self.now.expect(instance.clock_jump)
            yield tx, instance
            tallies.add_answers(tx, lease.instance, answers)
            calls = self.marketo.allowance.counted()
            if not share and not calls.like(instance.calls):  # a worker that dies hands on nearly all that it called
                await instances.count(tx, lease.instance, calls)

    async def standing(self, part: Part) -> Standing:
        async with self.db.read() as tx:
            found = await imports.standing(tx, part.import_id)
        assert found is not None, "a part that moves belongs to an accepted import"
        return found

    async def settled(self, tx: AsyncConnection, part: Part, at: datetime) -> datetime:
        """When a possible job of a part whose answer was lost has had its time: more where it had to queue for long."""
        there = await parts.in_states(tx, part.instance, {State.QUEUED, State.IMPORTING})
        return self.patience.settled(at, self.watch.queue_seconds(there, part.rows.total, at))

    async def make_wait(
        self,
        tx: AsyncConnection,
        instance: str,
        because: Because,
        message: str,
        *,
        attempts: int = 0,
        asked: bool = False,
    ) -> None:
        """Let the whole instance wait for what Marketo said, of a submission or (`asked`) of a question.

        Effect: in the caller's transaction.
        """
        at = self.now()
        match because:
            case Because.BLOCKED | Because.DENIED:
                denied = because is Because.DENIED and not asked
                again = after(at, BLOCKED_RETRY_SECONDS)
                if await instances.block(tx, instance, at=at, reason=message, denied=denied, try_again_at=again):
                    await events.append(tx, Occurrence.BLOCKED, at=at, instance=instance, reason=message)
            case Because.RATE_LIMIT:
                until = self.patience.after_window(at)
                await instances.hold(tx, instance, until=until, reason=WaitingFor.RATE_LIMIT)
            case Because.CONCURRENCY:
                until = after(at, CONCURRENCY_PAUSE_SECONDS)
                await instances.hold(tx, instance, until=until, reason=WaitingFor.RATE_LIMIT)
            case Because.DAILY_QUOTA:
                await instances.hold(tx, instance, until=quota_again(at), reason=WaitingFor.DAILY_QUOTA)
            case Because.UNAVAILABLE:
                until = self.patience.retry(at, attempts, chance=self.chance())
                await instances.hold(tx, instance, until=until, reason=WaitingFor.RETRY)
            case Because.QUEUE_FULL | Because.LIST_BUSY | Because.TRANSIENT:
                pass  # the part's business, not the instance's

    async def make_well(self, tx: AsyncConnection, instance: Instance, *, submitted: bool) -> None:
        """Marketo takes our calls: a block, if there was one, is over.

        One for want of the right to submit is not over because a question was answered.
        """
        if instance.blocked_at and (submitted or not instance.denied):
            await instances.unblock(tx, instance.name)
            await events.append(tx, Occurrence.UNBLOCKED, at=self.now(), instance=instance.name)
