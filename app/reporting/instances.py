"""An instance at one moment, from its row and its parts: for the API, the checks, the metrics and the pages alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.events import Occurrence
from app.domain.instances import Instance, InstanceState, WaitingFor, at_work
from app.domain.lifecycle import JobState, PartState
from app.domain.timeouts import marketo_day
from app.masking import masked_url
from app.reporting.queues import QueueReader
from app.settings import InstanceSettings
from app.store import instances, queue_summary, waiting_queue
from app.store.database import Database
from app.store.queue_summary import QueueSummary

WAITING_WORDS = {
    Occurrence.UNREACHABLE: WaitingFor.RETRY,
    Occurrence.QUOTA_USED_UP: WaitingFor.DAILY_QUOTA,
    Occurrence.RATE_LIMITED: WaitingFor.RATE_LIMIT,
}
"""By the incident that keeps calls from going through: what parts wait for meanwhile."""
CALLED_ABOUT = (PartState.SUBMITTING, PartState.QUEUED, PartState.IMPORTING, PartState.COLLECTING)
"""States of a part in which Marketo is called about it."""


@dataclass(frozen=True, slots=True)
class InstanceView:
    """An instance at one moment."""

    settings: InstanceSettings
    instance: Instance
    queue: QueueSummary
    any_may_go: bool  # a part waits for nothing but a slot
    any_to_try: bool  # a call would be made if calls went through
    rows_per_second: float | None
    now: datetime

    @property
    def base_url(self) -> str:
        """Marketo's address, with any credentials in it masked."""
        return masked_url(self.settings.base_url)

    @property
    def condition(self) -> InstanceState:
        """It is backing off also between two tries, while no call has gone through and something is left to do."""
        condition = self.instance.condition(self.now)
        is_kept_from_it = self.queue_is_full or (self.call_incident and self.any_to_try)
        return InstanceState.BACKING_OFF if condition is InstanceState.RUNNING and is_kept_from_it else condition

    @property
    def queue_is_full(self) -> bool:
        """Whether Marketo's queue has no place for us, and no job of ours is in it: nothing flows until one is free."""
        jobs = self.queue.jobs
        our_jobs, waiting = (jobs.get(JobState.QUEUED, 0) + jobs.get(JobState.IMPORTING, 0)), self.queue.waiting_parts
        is_full = self.instance.external_alone and self.instance.incident(Occurrence.QUEUE_FULL)
        return bool(is_full and not our_jobs and (waiting or jobs.get(JobState.SUBMITTING, 0)))

    @property
    def call_incident(self) -> Occurrence | None:
        """The incident that keeps calls from going through; None where they do."""
        return next((kind for kind in WAITING_WORDS if self.instance.incident(kind)), None)

    @property
    def until(self) -> datetime | None:
        """When the next try is, where that is known."""
        if self.instance.holding(self.now):
            return self.instance.hold_until
        free_at = self.instance.external_slots_until(at_work=0) if self.queue_is_full else None
        return free_at if free_at and free_at > self.now else None

    @property
    def slots_used(self) -> int:
        return sum(self.queue.jobs.values())

    @property
    def slots_of_others(self) -> int:
        """Places of Marketo's queue that jobs of other programs are thought to hold."""
        return self.instance.slots_of_others(self.now, at_work=at_work(self.queue.jobs))

    @property
    def waited_seconds(self) -> float:
        """How long the oldest waiting part has been here."""
        return self._seconds_since(self.queue.waiting_since)

    @property
    def importing_seconds(self) -> float:
        """How long Marketo has been importing the part that it began with first."""
        return self._seconds_since(self.queue.importing_since)

    @property
    def idle_seconds(self) -> float:
        """For how long one of Marketo's importers has had nothing from us while a part could go; 0: none is idle.

        The worker records it with its sign of life; where those have stopped, it counts from the last one.
        """
        instance, settings = self.instance, self.settings
        importers, queued = settings.max_importing, settings.max_queued
        if not self.any_may_go or not instance.idle_importers(
            self.now, jobs=self.queue.jobs, importers=importers, queued=queued
        ):
            return 0.0
        since = instance.idle_since
        if since is None and (instance.lease_until or self.now) <= self.now:  # no worker drives it
            since = max(filter(None, (instance.heartbeat_at, self.queue.waiting_since)), default=None)
        return self._seconds_since(since)

    def _seconds_since(self, moment: datetime | None) -> float:
        return max(0.0, (self.now - moment).total_seconds()) if moment else 0.0

    @property
    def _why_backing_off(self) -> str:
        """What is waited for, and why: `retry: https://… cannot be reached: …`."""
        if self.queue_is_full and not self.instance.holding(self.now):
            return f"{Occurrence.QUEUE_FULL}: jobs of other programs fill Marketo's queue"
        kind, word = self.call_incident, self.instance.hold_reason or WaitingFor.RETRY
        incident = self.instance.incident(kind) if kind else None
        return f"{WAITING_WORDS[kind]}: {incident.reason}" if kind and incident else word

    @property
    def calls_today(self) -> int:
        calls = self.instance.calls
        return calls.today if calls and calls.day == marketo_day(self.now) else 0

    @property
    def calls_in_window(self) -> int:
        calls, window = self.instance.calls, timedelta(seconds=self.settings.window_seconds)
        return calls.last_window if calls and calls.at + window > self.now else 0

    @property
    def reason(self) -> str | None:
        """Why it is not running, for people."""
        instance = self.instance
        match self.condition:
            case InstanceState.PAUSED:
                return instance.paused_reason
            case InstanceState.BLOCKED:
                return instance.blocked_reason
            case InstanceState.BACKING_OFF:
                return self._why_backing_off
            case InstanceState.RUNNING:
                return None


@dataclass(frozen=True, slots=True)
class InstanceReader:
    """Reads the configured instances for whoever shows them."""

    db: Database
    now: Clock
    instances: Mapping[str, InstanceSettings]
    queues: QueueReader

    async def read_all(self) -> list[InstanceView]:
        """The configured instances, in the order of their names."""
        async with self.db.read() as tx:
            return await self.read_all_in(tx, await self.queues.read_in(tx))

    async def read_all_in(self, tx: AsyncConnection, summaries: Mapping[str, QueueSummary]) -> list[InstanceView]:
        """The same within a transaction, by the summaries of queues that the caller has read in it."""
        now = self.now()
        rows = {instance.name: instance for instance in await instances.everyone(tx)}
        rates = await queue_summary.rows_per_second(tx, now=now)
        return [
            InstanceView(
                settings=settings,
                instance=rows.get(name, Instance(name)),
                queue=summaries.get(name, QueueSummary()),
                any_may_go=await waiting_queue.any_may_go(tx, name, now=now),
                any_to_try=await _any_to_try(tx, rows.get(name), summaries.get(name), now),
                rows_per_second=rates.get(name),
                now=now,
            )
            for name, settings in sorted(self.instances.items())
        ]


async def _any_to_try(
    tx: AsyncConnection, instance: Instance | None, queue: QueueSummary | None, now: datetime
) -> bool:
    """Whether a call would be made as soon as one goes through. Only read where an incident keeps calls from it."""
    if instance is None or queue is None or not instance.has_incidents:
        return False
    under_way = any(queue.parts.get(state, 0) for state in CALLED_ABOUT)
    return under_way or await waiting_queue.any_to_try(tx, instance.name, now=now)
