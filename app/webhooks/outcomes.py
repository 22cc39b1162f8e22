"""Writes how tries ended. What ends while one commit is under way is written by the next, all of it together."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import structlog

from app.batcher import Batch, Batcher
from app.clock import Clock
from app.domain.timeouts import INSIST_SECONDS
from app.domain.webhooks import (
    Attempt,
    Delivery,
    DeliveryState,
    SwitchedOff,
    Webhook,
    held_until,
    is_off_for_good,
    next_attempt_at,
)
from app.store import counters, webhook_deliveries, webhooks
from app.store.database import AWAY, Database, cause
from app.store.transaction import Transaction
from app.store.webhook_deliveries import Tried
from app.webhooks.lease import EndpointLease

log = structlog.get_logger()


class Outcome(NamedTuple):
    lease: EndpointLease
    delivery: Delivery
    attempt: Attempt


@dataclass(slots=True)
class Outcomes:
    db: Database
    now: Clock
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]
    _batcher: Batcher[Outcome, None] = field(init=False)

    def __post_init__(self) -> None:
        self._batcher = Batcher(self._insist)

    async def record(self, lease: EndpointLease, delivery: Delivery, attempt: Attempt) -> None:
        """Return once the outcome is on disk, or the lease turns out to be another worker's: then it is dropped."""
        await self._batcher.ask(Outcome(lease, delivery, attempt))

    async def _insist(self, batch: Batch[Outcome, None]) -> Sequence[None]:
        """Write, again and again while the database is away and somebody waits for it: sent again is told twice."""
        tries = 0
        while batch.is_wanted:
            try:
                async with self.db.write() as tx:
                    await self._write(tx, batch.requests)
            except AWAY as away:
                log.warning("deliveries of webhooks cannot be noted yet", error=cause(away))
                await self.sleep(INSIST_SECONDS[min(tries, len(INSIST_SECONDS) - 1)])
                tries += 1
            else:
                break
        return [None] * len(batch.requests)

    async def _write(self, tx: Transaction, outcomes: Sequence[Outcome]) -> None:
        endpoints = await webhooks.lock_leased(tx, {each.lease.webhook_id: each.lease.epoch for each in outcomes})
        by_endpoint: dict[int, list[Outcome]] = defaultdict(list)
        for outcome in outcomes:
            if outcome.lease.webhook_id in endpoints:
                by_endpoint[outcome.lease.webhook_id].append(outcome)
            else:
                outcome.lease.lose()
        at = self.now()
        tries = [
            self._tried(tx, outcome.delivery, outcome.attempt, at) for each in by_endpoint.values() for outcome in each
        ]
        if tries:
            await webhook_deliveries.note(tx, tries)
        for webhook_id, its_outcomes in by_endpoint.items():
            await _note_endpoint(tx, endpoints[webhook_id], [outcome.attempt for outcome in its_outcomes], at)

    def _tried(self, tx: Transaction, delivery: Delivery, attempt: Attempt, at: datetime) -> Tried:
        attempts = delivery.attempts + 1
        again_at = None
        if not (attempt.is_delivered or attempt.is_gone or attempt.is_last) and delivery.waiting_since:
            again_at = next_attempt_at(attempts, waiting_since=delivery.waiting_since, now=at, chance=self.chance())
        state = DeliveryState.DELIVERED if attempt.is_delivered else DeliveryState.FAILED
        if again_at:
            state = DeliveryState.WAITING
        if delivery.instance:
            counters.add(tx, delivery.instance, counters.DELIVERIES, "retried" if again_at else state)
        if not attempt.is_delivered:
            about = {"webhook": delivery.webhook_id, "delivery": delivery.id, "about": delivery.event}
            log.info("not delivered", **about, attempts=attempts, why=attempt.error, gives_up=again_at is None)
        return Tried(delivery.id, state, attempts, attempt.status, attempt.error, again_at)


async def _note_endpoint(tx: Transaction, endpoint: Webhook, attempts: Sequence[Attempt], at: datetime) -> None:
    """What these tries say about the endpoint: that it answers, that it is failing, or that it is gone."""
    failures, failing_since = endpoint.failures, endpoint.failing_since
    for attempt in attempts:
        if attempt.is_delivered:
            failures, failing_since = 0, None
        elif not attempt.is_last:
            failures, failing_since = failures + 1, failing_since or at
    if (failures, failing_since) != (endpoint.failures, endpoint.failing_since):
        values = {"failures": failures, "failing_since": failing_since, "hold_until": held_until(failures, now=at)}
        await webhooks.change(tx, endpoint.id, **values)
    if endpoint.is_held and any(attempt.is_delivered for attempt in attempts):
        await webhook_deliveries.hurry(tx, endpoint.id, at=at)
    reason = None
    if any(attempt.is_gone for attempt in attempts):
        reason = SwitchedOff.GONE
    elif failing_since and is_off_for_good(failing_since, now=at):
        reason = SwitchedOff.FAILING
    if reason and endpoint.enabled:
        await webhooks.switch_off(tx, endpoint.id, at=at, reason=reason)
        await webhook_deliveries.fail_some(tx, endpoint.id)
        log.warning("a webhook was switched off", webhook=endpoint.id, client=endpoint.client, reason=reason)
