"""An instance (one Marketo subscription) as it stands, and why a part of it may have to wait."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.domain.imports import OnUnconfirmed
from app.domain.incidents import CallError, Incident, Incidents
from app.domain.lifecycle import AT_MARKETO, State
from app.domain.parts import Part
from app.domain.throughput import ThroughputModel
from app.domain.timeouts import (
    FOREIGN_QUEUE_MOST_SECONDS,
    FOREIGN_QUEUE_SECONDS,
    FOREIGN_SLOTS_MOST_SECONDS,
    FOREIGN_SLOTS_SECONDS,
)


class Condition(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"  # a person said so
    BLOCKED = "blocked"  # credentials or rights: a person must mend them
    BACKING_OFF = "backing_off"  # Marketo said so; time heals it


class WaitingFor(StrEnum):
    SLOT = "slot"  # its turn, or a place in Marketo's queue
    SAME_RECORDS = "same_records"  # another part with the same keys, or into the same list, goes first
    NOT_BEFORE = "not_before"  # the time that its import names
    INSTANCE_PAUSED = "instance_paused"  # a person paused the instance
    INSTANCE_BLOCKED = "instance_blocked"  # Marketo refuses the credentials or the rights
    RATE_LIMIT = "rate_limit"  # Marketo says that the calls of this window are used up
    DAILY_QUOTA = "daily_quota"  # the calls of this day are used up
    RETRY = "retry"  # Marketo turned it away, or could not be reached: it is tried again


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls that were made to Marketo, as counted at a moment."""

    day: date  # in US Central
    today: int  # on that day
    last_window: int
    at: datetime

    def like(self, other: "Calls | None") -> bool:
        return other is not None and (self.day, self.today, self.last_window) == (
            other.day,
            other.today,
            other.last_window,
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """A step of the worker fails, again and again since then."""

    since: datetime
    error: str


@dataclass(frozen=True, slots=True)
class Instance:
    name: str
    paused_at: datetime | None = None
    paused_reason: str | None = None
    paused_by: str | None = None  # the client; None where it was paused before that was kept, and its history is gone
    blocked_at: datetime | None = None
    blocked_reason: str | None = None
    denied: bool = False  # it is rights that are missing, for submissions: an answer to another call mends nothing
    hold_until: datetime | None = None  # nothing is submitted before; also when a blocked instance is tried again
    hold_reason: WaitingFor | None = None
    external_slots: int = 0  # slots that others hold, as far as Marketo's last 1016 tells
    external_until: datetime | None = None  # until when that estimate counts
    consecutive_1016s: int = 0  # how many led to that estimate
    external_at: datetime | None = None  # when it was made
    external_alone: bool = False  # nothing of ours was at work at Marketo then
    calls: Calls | None = None
    worker: str | None = None
    lease_epoch: int = 0
    lease_until: datetime | None = None
    heartbeat_at: datetime | None = None
    ticked: Mapping[str, datetime] = field(default_factory=dict)  # when each tick was last done, as of the last sign
    failing: Mapping[str, Fault] = field(default_factory=dict)  # steps, likewise
    idle_since: datetime | None = None  # since when an importer had nothing from us while a part could go, likewise
    pace: ThroughputModel = field(default_factory=ThroughputModel)
    clock_jump: int = 0  # the last jump of the clock that its times were moved by
    moved_at: datetime | None = None  # when a job of ours last began or ended at Marketo, as far as we asked
    last_error: CallError | None = None
    incidents: Incidents = field(default_factory=dict)

    @property
    def has_incidents(self) -> bool:
        return any(one.since for one in self.incidents.values())

    def incident(self, kind: str) -> Incident | None:
        """One that is going on."""
        found = self.incidents.get(kind)
        return found if found and found.since else None

    def condition(self, now: datetime) -> Condition:
        if self.paused_at:
            return Condition.PAUSED
        if self.blocked_at:
            return Condition.BLOCKED
        return Condition.BACKING_OFF if self.holding(now) else Condition.RUNNING

    def holding(self, now: datetime) -> bool:
        return self.hold_until is not None and self.hold_until > now

    def may_submit(self, now: datetime) -> bool:
        return not self.paused_at and not self.holding(now)

    def may_ask(self, now: datetime) -> bool:
        """Whether there is a call left for a question."""
        return self.hold_reason is not WaitingFor.DAILY_QUOTA or not self.holding(now)

    def idle_importers(self, now: datetime, *, parts: Mapping[State, int], importers: int, queued: int) -> int:
        """How many of Marketo's importers have nothing from us although we might send. `parts`: ours at Marketo."""
        working = at_work(parts)
        room = queued - self.slots_of_others(now, at_work=working) - sum(parts.get(state, 0) for state in AT_MARKETO)
        return max(0, min(importers - working, room)) if self.may_submit(now) else 0

    def slots_of_others(self, now: datetime, *, at_work: int) -> int:
        """As last estimated; once the estimate is old, one less is tried at a time. `at_work`: parts of ours."""
        until = self.external_slots_until(at_work=at_work)
        if not self.external_slots or until is None:
            return 0
        return self.external_slots if until > now else self.external_slots - 1

    def external_slots_until(self, *, at_work: int) -> datetime | None:
        """Until when the last 1016 counts. Not for long while nothing of ours is at work there: then nothing flows."""
        if self.external_until is None or self.external_at is None or at_work:
            return self.external_until
        alone = timedelta(seconds=external_seconds(self.consecutive_1016s - 1, at_work=0))
        return min(self.external_until, self.external_at + alone)

    def may_doubt_slots(self, now: datetime) -> bool:
        """One of our parts has ended: whether the last estimate is old enough to be put to the test before its time.

        The queue is first in, first out: nearly all that stood before that part are gone too.
        """
        at, until = self.external_at, self.external_until
        if not self.external_slots or at is None or until is None or until <= now:
            return False
        return now - at >= timedelta(seconds=FOREIGN_SLOTS_SECONDS)

    def consecutive_1016s_before(self, *, at_work: int) -> int:
        """How many 1016s in a row came before one that comes now; they count anew when ours have come or gone."""
        return self.consecutive_1016s if self.external_alone is not bool(at_work) else 0


def at_work(parts: Mapping[State, int]) -> int:
    """How many of these parts, by state, Marketo works on, or soon will: an unconfirmed one may not be there at all."""
    return sum(parts.get(state, 0) for state in (State.SUBMITTING, State.QUEUED, State.IMPORTING))


def external_seconds(consecutive_1016s_before: int, *, at_work: int) -> float:
    """How long a 1016 counts as knowledge of the slots that others hold."""
    first, most = FOREIGN_SLOTS_SECONDS, FOREIGN_SLOTS_MOST_SECONDS
    if not at_work:
        first, most = FOREIGN_QUEUE_SECONDS, FOREIGN_QUEUE_MOST_SECONDS
    return min(most, first * 2.0 ** max(0, consecutive_1016s_before))


def waiting_for(part: Part, instance: Instance, now: datetime) -> WaitingFor | None:
    """Why a waiting part is not on its way; None for a part that does not wait."""
    if part.state is not State.WAITING:
        return None
    if instance.paused_at:
        return WaitingFor.INSTANCE_PAUSED
    if instance.blocked_at:
        return WaitingFor.INSTANCE_BLOCKED
    if part.due_at and part.due_at > now:
        return WaitingFor.RETRY if part.retry_code else WaitingFor.NOT_BEFORE
    if part.blocked_by:
        return WaitingFor.SAME_RECORDS
    if instance.holding(now):
        return instance.hold_reason or WaitingFor.RETRY
    return WaitingFor.SLOT


def next_attempt_at(part: Part, instance: Instance, now: datetime, *, policy: OnUnconfirmed) -> datetime | None:
    """When a part is next tried, where that is a matter of time: to be sent, or to be asked about after a failure."""
    match part.state:
        case State.WAITING if instance.paused_at or waiting_for(part, instance, now) is WaitingFor.SAME_RECORDS:
            return None
        case State.WAITING:
            others = instance.external_slots_until(at_work=0) if instance.external_alone else None
            return max((at for at in (part.due_at, instance.hold_until, others) if at and at > now), default=None)
        case State.UNCONFIRMED:
            return part.due_at if policy is OnUnconfirmed.RESUBMIT else None
        case _:
            return part.due_at if part.failing_since else None
