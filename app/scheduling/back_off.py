"""Backing off: an instance waits because of what a call to Marketo met, and goes on when one goes through."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from app.clock import Clock, rfc3339
from app.domain.answers import RejectionReason
from app.domain.events import Occurrence
from app.domain.incidents import CREATE, NOBODY_ANSWERED, CallError
from app.domain.instances import Instance, WaitingFor
from app.domain.timeouts import BLOCKED_RETRY_SECONDS, CONCURRENCY_PAUSE_SECONDS, RetryPolicy, after, quota_again
from app.store import events, incidents, instances
from app.store.transaction import Transaction

OF_CALLS = (Occurrence.UNREACHABLE, Occurrence.RATE_LIMITED, Occurrence.QUOTA_USED_UP, Occurrence.QUEUE_FULL)
"""Incidents that a call met, and that one which goes through ends."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """Each method works in the caller's transaction, which holds the instance's row."""

    retry_policy: RetryPolicy
    now: Clock
    chance: Callable[[], float]  # in [0, 1): jitter

    async def begin(
        self, tx: Transaction, instance: str, rejection_reason: RejectionReason, error: CallError, *, attempts: int = 0
    ) -> None:
        """Let the whole instance wait for what a call met, and tell its history and the log what that was."""
        at = self.now()
        match rejection_reason:
            case RejectionReason.BLOCKED | RejectionReason.DENIED:
                denied = rejection_reason is RejectionReason.DENIED and error.call == CREATE
                again = after(at, BLOCKED_RETRY_SECONDS)
                if await instances.block(tx, instance, at=at, reason=error.message, denied=denied, try_again_at=again):
                    await self._tell(tx, Occurrence.BLOCKED, instance, error)
            case RejectionReason.RATE_LIMIT | RejectionReason.CONCURRENCY:
                is_concurrency = rejection_reason is RejectionReason.CONCURRENCY
                until = after(at, CONCURRENCY_PAUSE_SECONDS if is_concurrency else self.retry_policy.window_seconds)
                await instances.hold(tx, instance, until=until, reason=WaitingFor.RATE_LIMIT)
                await self.record_incident(tx, Occurrence.RATE_LIMITED, instance, error, until=until)
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
        self, tx: Transaction, kind: Occurrence, instance: str, error: CallError, **facts: object
    ) -> None:
        """An incident has begun, or goes on: its history and the log are told once (NO_SILENCE)."""
        of_submissions = (
            kind in {Occurrence.UNREACHABLE, Occurrence.QUEUE_FULL}
            and error.call == CREATE
            and error.code not in NOBODY_ANSWERED
        )
        meet = partial(incidents.meet, tx, instance, kind, at=error.at, reason=error.message)
        if await meet(of_submissions=of_submissions):
            await self._tell(tx, kind, instance, error, **facts)

    async def clear(self, tx: Transaction, instance: Instance, *, submitted: bool) -> None:
        """Marketo takes our calls: a block, if there was one, is over, and so are incidents.

        One for want of the right to submit is not over because a question was answered; nor is what Marketo answered
        to a submission.
        """
        if instance.blocked_at and (submitted or not instance.denied):
            await instances.unblock(tx, instance.name)
            await events.append(tx, Occurrence.UNBLOCKED, at=self.now(), instance=instance.name)
        for kind in OF_CALLS:
            incident = instance.incident(kind)
            if incident is None or (incident.of_submissions and not submitted):
                continue
            if since := await incidents.end(tx, instance.name, kind):
                facts: dict[str, Any] = {"what": kind, "since": rfc3339(since)}
                await events.append(tx, Occurrence.RECOVERED, at=self.now(), instance=instance.name, **facts)

    async def _tell(self, tx: Transaction, kind: Occurrence, instance: str, error: CallError, **facts: object) -> None:
        data: dict[str, Any] = {"call": error.call, "code": error.code, "reason": error.message}
        data |= {name: rfc3339(value) if isinstance(value, datetime) else value for name, value in facts.items()}
        await events.append(tx, kind, at=error.at, instance=instance, beside={"error": error.message}, **data)
