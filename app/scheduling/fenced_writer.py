"""Writing under the lease: a worker that lost it can write nothing more about the instance (FENCED)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.clock import Clock
from app.domain.instances import Instance
from app.marketo.answer_counts import Answers
from app.marketo.rate_limit import RateLimiter
from app.scheduling.lease import Lease, LeaseLost
from app.store import counters, instances
from app.store.database import Database
from app.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class FencedWriter:
    """The only way in which a step writes. It also stores the counts of this process's calls to Marketo."""

    db: Database
    answers: Answers
    rate_limiter: RateLimiter
    now: Clock

    @asynccontextmanager
    async def write(self, lease: Lease, *, share: bool = False) -> AsyncIterator[tuple[Transaction, Instance]]:
        """A transaction that may write about the instance: its row is locked, and the lease is ours.

        `share`: the instance's row itself is not written to, so that others need not wait.
        Errors: LeaseLost; ClockJumped, where the clock was set and what is to be written was timed before.
        """
        jump_id = self.now.jump_id
        async with self.answers.handed_on() as answers, self.db.write() as tx:
            instance = await instances.lock(tx, lease.instance, epoch=lease.epoch, share=share)
            if instance is None:
                raise LeaseLost(f"{lease.instance}: the lease with epoch {lease.epoch} is lost")
            self.now.expect(jump_id)
            self.now.expect(instance.clock_jump)
            yield tx, instance
            counters.add_answers(tx, lease.instance, answers)
            calls = self.rate_limiter.counted()
            if not share and not calls.like(instance.calls):  # a worker that dies hands on nearly all that it called
                await instances.count(tx, lease.instance, calls)
