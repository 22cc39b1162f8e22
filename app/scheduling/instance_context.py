"""What the steps of one instance share: its client, its limits, its waits, its lease, what was seen of its queue."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock, rfc3339
from app.domain.answers import RejectionReason
from app.domain.events import Occurrence
from app.domain.failpoints import FailpointHit
from app.domain.incidents import CREATE, NOBODY_ANSWERED, CallError
from app.domain.instances import Instance, WaitingFor
from app.domain.lifecycle import State
from app.domain.parts import Part
from app.domain.timeouts import BLOCKED_RETRY_SECONDS, CONCURRENCY_PAUSE_SECONDS, RetryPolicy, after, quota_again
from app.marketo.client import Marketo
from app.marketo.rate_limit import Sleep
from app.scheduling.lease import Lease
from app.scheduling.queue_model import QueueModel
from app.store import counters, events, imports, incidents, instances, parts
from app.store.database import Database
from app.store.imports import ImportSummary
from app.store.parts import Stale
from app.store.transaction import Transaction

OF_CALLS = (Occurrence.UNREACHABLE, Occurrence.RATE_LIMITED, Occurrence.QUOTA_USED_UP, Occurrence.QUEUE_FULL)
"""Incidents that a call met, and that one which goes through ends."""


class LeaseLost(Stale):
    """Another worker drives the instance: nothing may be written about it (FENCED)."""


@dataclass(frozen=True, slots=True)
class InstanceContext:
    db: Database
    marketo: Marketo
    now: Clock
    sleep: Sleep
    chance: Callable[[], float]  # in [0, 1): jitter
    retry_policy: RetryPolicy
    queue_model: QueueModel
    max_queued: int
    hit: FailpointHit

    @asynccontextmanager
    async def writing(self, lease: Lease, *, share: bool = False) -> AsyncIterator[tuple[Transaction, Instance]]:
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
            counters.add_answers(tx, lease.instance, answers)
            calls = self.marketo.rate_limiter.counted()
            if not share and not calls.like(instance.calls):  # a worker that dies hands on nearly all that it called
                await instances.count(tx, lease.instance, calls)

    async def standing(self, part: Part) -> ImportSummary:
        async with self.db.read() as tx:
            found = await imports.get_summary(tx, part.import_id)
        assert found is not None, "a part that moves belongs to an accepted import"
        return found

    async def settled(self, tx: AsyncConnection, part: Part, at: datetime) -> datetime:
        """When a possible job of a part whose answer was lost has had its time: more where it had to queue for long."""
        there = await parts.in_states(tx, part.instance, {State.QUEUED, State.IMPORTING})
        return self.retry_policy.settled(at, self.queue_model.queue_seconds(there, part.rows.total, at))

    async def back_off(
        self, tx: Transaction, instance: str, because: RejectionReason, error: CallError, *, attempts: int = 0
    ) -> None:
        """Let the whole instance wait for what a call met, and tell its history and the log what that was.

        Effect: in the caller's transaction, which holds the instance's row.
        """
        at, submitting = self.now(), error.call == CREATE
        match because:
            case RejectionReason.BLOCKED | RejectionReason.DENIED:
                denied = because is RejectionReason.DENIED and submitting
                again = after(at, BLOCKED_RETRY_SECONDS)
                if await instances.block(tx, instance, at=at, reason=error.message, denied=denied, try_again_at=again):
                    await self._tell(tx, Occurrence.BLOCKED, instance, error)
            case RejectionReason.RATE_LIMIT | RejectionReason.CONCURRENCY:
                wait = (
                    CONCURRENCY_PAUSE_SECONDS
                    if because is RejectionReason.CONCURRENCY
                    else self.retry_policy.window_seconds
                )
                await instances.hold(tx, instance, until=after(at, wait), reason=WaitingFor.RATE_LIMIT)
                await self.record_incident(tx, Occurrence.RATE_LIMITED, instance, error, until=after(at, wait))
            case RejectionReason.DAILY_QUOTA:
                await instances.hold(tx, instance, until=quota_again(at), reason=WaitingFor.DAILY_QUOTA)
                await self.record_incident(tx, Occurrence.QUOTA_USED_UP, instance, error, until=quota_again(at))
            case RejectionReason.UNAVAILABLE:
                until = self.retry_policy.retry(at, attempts, chance=self.chance())
                await instances.hold(tx, instance, until=until, reason=WaitingFor.RETRY)
                await self.record_incident(tx, Occurrence.UNREACHABLE, instance, error)
            case RejectionReason.QUEUE_FULL | RejectionReason.LIST_BUSY | RejectionReason.TRANSIENT:
                pass  # the part's business, not the instance's

    async def record_incident(
        self, tx: Transaction, kind: Occurrence, instance: str, error: CallError, **told: object
    ) -> None:
        """An incident has begun, or goes on: its history and the log are told once (NO_SILENCE)."""
        of_submissions = (
            kind in {Occurrence.UNREACHABLE, Occurrence.QUEUE_FULL}
            and error.call == CREATE
            and error.code not in NOBODY_ANSWERED
        )
        known = partial(incidents.meet, tx, instance, kind, at=error.at, reason=error.message)
        if await known(of_submissions=of_submissions):
            await self._tell(tx, kind, instance, error, **told)

    async def clear_block(self, tx: Transaction, instance: Instance, *, submitted: bool) -> None:
        """Marketo takes our calls: a block, if there was one, is over, and so are incidents.

        One for want of the right to submit is not over because a question was answered; nor is what Marketo answered
        to a submission.
        """
        if instance.blocked_at and (submitted or not instance.denied):
            await instances.unblock(tx, instance.name)
            await events.append(tx, Occurrence.UNBLOCKED, at=self.now(), instance=instance.name)
        for kind in OF_CALLS:
            met = instance.incident(kind)
            if (
                met
                and (submitted or not met.of_submissions)
                and (since := await incidents.end(tx, instance.name, kind))
            ):
                about: dict[str, Any] = {"what": kind, "since": rfc3339(since)}
                await events.append(tx, Occurrence.RECOVERED, at=self.now(), instance=instance.name, **about)

    async def _tell(self, tx: Transaction, what: Occurrence, instance: str, error: CallError, **told: object) -> None:
        about: dict[str, Any] = {"call": error.call, "code": error.code, "reason": error.message}
        about |= {name: rfc3339(value) if isinstance(value, datetime) else value for name, value in told.items()}
        await events.append(tx, what, at=error.at, instance=instance, beside={"error": error.message}, **about)
