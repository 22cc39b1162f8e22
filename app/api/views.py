"""An instance at one moment, from its row and from its parts: what the API, the checks and the metrics tell of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from app.api.schemas import (
    CallErrorOut,
    CallsOut,
    InstanceOut,
    LimitsOut,
    PausedOut,
    SlotsOut,
    ThroughputOut,
    WaitingOut,
    WorkerOut,
)
from app.container import Container
from app.domain.events import Occurrence
from app.domain.instances import Condition, Instance, WaitingFor, at_work
from app.domain.lifecycle import AT_MARKETO, State
from app.domain.timeouts import marketo_day
from app.masking import masked_url
from app.settings import InstanceSettings
from app.store import instances, queue_summary, waiting_queue
from app.store.queue_summary import QueueSummary

WORDS = {
    Occurrence.UNREACHABLE: WaitingFor.RETRY,
    Occurrence.QUOTA_USED_UP: WaitingFor.DAILY_QUOTA,
    Occurrence.RATE_LIMITED: WaitingFor.RATE_LIMIT,
}
"""Of incidents: what parts wait for meanwhile."""
ASKED_ABOUT = (State.SUBMITTING, State.QUEUED, State.IMPORTING, State.COLLECTING)


async def instance_views(
    container: Container, tx: AsyncConnection, live: Mapping[str, QueueSummary]
) -> list["InstanceView"]:
    now = container.now()
    known = {instance.name: instance for instance in await instances.everyone(tx)}
    rates = await queue_summary.rows_per_second(tx, now=now)
    return [
        InstanceView(
            settings=settings,
            instance=known.get(name, Instance(name)),
            live=live.get(name, QueueSummary()),
            any_may_go=await waiting_queue.any_may_go(tx, name, now=now),
            any_to_try=await _any_to_try(tx, known.get(name), live.get(name), now),
            rate=rates.get(name),
            now=now,
        )
        for name, settings in sorted(container.settings.instances.items())
    ]


async def _any_to_try(tx: AsyncConnection, instance: Instance | None, live: QueueSummary | None, now: datetime) -> bool:
    """Whether a call is to be made as soon as one goes through; looked at only where none has."""
    if instance is None or live is None or not instance.has_incidents:
        return False
    under_way = any(live.parts.get(state, 0) for state in ASKED_ABOUT)
    return under_way or await waiting_queue.any_to_try(tx, instance.name, now=now)


@dataclass(frozen=True, slots=True)
class InstanceView:
    """An instance at one moment."""

    settings: InstanceSettings
    instance: Instance
    live: QueueSummary
    any_may_go: bool  # a part waits for nothing but a slot
    any_to_try: bool  # a call would be made, if calls went through
    rate: float | None
    now: datetime

    @property
    def condition(self) -> Condition:
        """Backing off also between two tries, while none has gone through and something is left to be done."""
        known = self.instance.condition(self.now)
        cannot = self.queue_is_full or (self.call_incident and self.any_to_try)
        return Condition.BACKING_OFF if known is Condition.RUNNING and cannot else known

    @property
    def queue_is_full(self) -> bool:
        """Marketo's queue has no place for us, and nothing of ours is in it: nothing flows until one is free."""
        parts = self.live.parts
        ours, more = (parts.get(State.QUEUED, 0) + parts.get(State.IMPORTING, 0)), self.live.waiting_parts
        is_full = self.instance.foreign_alone and self.instance.incident(Occurrence.QUEUE_FULL)
        return bool(is_full and not ours and (more or parts.get(State.SUBMITTING, 0)))

    @property
    def call_incident(self) -> Occurrence | None:
        """Why no call goes through."""
        return next((kind for kind in WORDS if self.instance.incident(kind)), None)

    @property
    def until(self) -> datetime | None:
        """When it is tried again, where that is known."""
        if self.instance.holding(self.now):
            return self.instance.hold_until
        again = self.instance.lesson_until(at_work=0) if self.queue_is_full else None
        return again if again and again > self.now else None

    @property
    def slots_used(self) -> int:
        return sum(self.live.parts.get(state, 0) for state in AT_MARKETO)

    @property
    def slots_of_others(self) -> int:
        """Places of Marketo's queue that are thought to be others'."""
        return self.instance.slots_of_others(self.now, at_work=at_work(self.live.parts))

    @property
    def waited_seconds(self) -> float:
        """How long the oldest waiting part has been here."""
        return self._seconds_since(self.live.waiting_since)

    @property
    def importing_seconds(self) -> float:
        """How long Marketo has been importing the part that it began with first."""
        return self._seconds_since(self.live.importing_since)

    @property
    def idle_seconds(self) -> float:
        """For how long one of Marketo's importers has had nothing from us while a part could go; 0: none is idle.

        As the worker's signs of life have it; where there are none any more, since the last one.
        """
        instance, settings = self.instance, self.settings
        importers, queued = settings.max_importing, settings.max_queued
        if not self.any_may_go or not instance.idle_importers(
            self.now, parts=self.live.parts, importers=importers, queued=queued
        ):
            return 0.0
        since = instance.idle_since
        if since is None and (instance.lease_until or self.now) <= self.now:  # nobody looks
            since = max(filter(None, (instance.heartbeat_at, self.live.waiting_since)), default=None)
        return self._seconds_since(since)

    def _seconds_since(self, moment: datetime | None) -> float:
        return max(0.0, (self.now - moment).total_seconds()) if moment else 0.0

    def out(self) -> InstanceOut:
        instance, settings, parts = self.instance, self.settings, self.live.parts
        worker = None
        if instance.worker and instance.heartbeat_at:
            worker = WorkerOut(id=instance.worker, heartbeat_at=instance.heartbeat_at)
        return InstanceOut(
            name=instance.name,
            base_url=masked_url(settings.base_url),
            state=self.condition,
            reason=self.reason,
            until=self.until,
            limits=LimitsOut(importing=settings.max_importing, queued=settings.max_queued),
            slots=SlotsOut(
                used=self.slots_used,
                importing=parts.get(State.IMPORTING, 0),
                queued=parts.get(State.QUEUED, 0),
                unconfirmed=parts.get(State.UNCONFIRMED, 0),
            ),
            waiting=WaitingOut(
                parts=parts.get(State.WAITING, 0), rows=self.live.waiting_rows, oldest_seconds=int(self.waited_seconds)
            ),
            calls=CallsOut(
                today=self.calls_today,
                quota=settings.daily_calls,
                last_window=self.calls_in_window,
                window_limit=settings.calls_per_window,
            ),
            throughput=ThroughputOut(rows_per_second=self.rate),
            worker=worker,
            paused=self._paused,
            last_error=self._last_error,
        )

    @property
    def _paused(self) -> PausedOut | None:
        by, since, reason = self.instance.paused_by, self.instance.paused_at, self.instance.paused_reason
        return PausedOut(by=by, since=since, reason=reason) if since else None

    @property
    def _last_error(self) -> CallErrorOut | None:
        met = self.instance.last_error
        return CallErrorOut(at=met.at, call=met.call, code=met.code, message=met.message) if met else None

    @property
    def _why_backing_off(self) -> str:
        """A word, and what was met: `retry: https://… cannot be reached: …`."""
        if self.queue_is_full and not self.instance.holding(self.now):
            return f"{Occurrence.QUEUE_FULL}: jobs of other programs fill Marketo's queue"
        kind, word = self.call_incident, self.instance.hold_reason or WaitingFor.RETRY
        incident = self.instance.incident(kind) if kind else None
        return f"{WORDS[kind]}: {incident.reason}" if kind and incident else word

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
        instance = self.instance
        match self.condition:
            case Condition.PAUSED:
                return instance.paused_reason
            case Condition.BLOCKED:
                return instance.blocked_reason
            case Condition.BACKING_OFF:
                return self._why_backing_off
            case Condition.RUNNING:
                return None
