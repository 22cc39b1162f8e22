"""The state of an instance (one Marketo subscription), and why one of its parts may have to wait.

The module is long because an instance has many fields, and each wait is explained by some of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.domain.imports import OnUnconfirmed
from app.domain.incidents import CallError, Incident, Incidents
from app.domain.lifecycle import HOLDING_SLOT, JobState, PartState
from app.domain.parts import Part
from app.domain.throughput import ThroughputModel
from app.domain.timeouts import (
    FOREIGN_QUEUE_MOST_SECONDS,
    FOREIGN_QUEUE_SECONDS,
    FOREIGN_SLOTS_MOST_SECONDS,
    FOREIGN_SLOTS_SECONDS,
)


class InstanceState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"  # a person said so
    BLOCKED = "blocked"  # credentials or rights: a person must mend them
    BACKING_OFF = "backing_off"  # Marketo said so; time heals it


class WaitingFor(StrEnum):
    SLOT = "slot"  # its turn, or a place in Marketo's queue
    SAME_RECORDS = "same_records"  # another part with the same keys, or into the same list, goes first
    REVIEW = "review"  # a person has to release its import
    NOT_BEFORE = "not_before"  # the time that its import names
    INSTANCE_PAUSED = "instance_paused"  # a person paused the instance
    INSTANCE_BLOCKED = "instance_blocked"  # Marketo refuses the credentials or the rights
    RATE_LIMIT = "rate_limit"  # Marketo says that the calls of this window are used up
    DAILY_QUOTA = "daily_quota"  # the calls of this day are used up
    RETRY = "retry"  # Marketo turned it away, or could not be reached: it is tried again


@dataclass(frozen=True, slots=True)
class Calls:
    """How many calls we have made to Marketo, counted at the time `at`."""

    day: date  # in US Central
    today: int  # calls on that day
    last_window: int  # calls in the last rate limit window
    at: datetime

    def like(self, other: "Calls | None") -> bool:
        return other is not None and (self.day, self.today, self.last_window) == (
            other.day,
            other.today,
            other.last_window,
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """A step of the worker that has failed again and again since then."""

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
    denied: bool = False  # the right to submit is missing: a good answer to another call does not end the block
    hold_until: datetime | None = None  # nothing is submitted before; a blocked instance is tried again then
    hold_reason: WaitingFor | None = None
    external_slots: int = 0  # slots that other programs hold, as the last 1016 showed
    external_until: datetime | None = None  # until when that number is relied on
    consecutive_1016s: int = 0  # how many 1016 came in a row
    external_at: datetime | None = None  # when the last one came
    external_alone: bool = False  # whether no job of ours was at Marketo then
    calls: Calls | None = None
    worker: str | None = None
    lease_epoch: int = 0
    lease_until: datetime | None = None
    heartbeat_at: datetime | None = None
    ticked: Mapping[str, datetime] = field(default_factory=dict)  # when each tick last ran, as of the last heartbeat
    failing: Mapping[str, Fault] = field(default_factory=dict)  # the failing steps, as of the last heartbeat
    idle_since: datetime | None = None  # since when an importer has had no job of ours though a part could go, likewise
    throughput: ThroughputModel = field(default_factory=ThroughputModel)
    clock_jump: int = 0  # the id of the last clock jump that its times were corrected for
    moved_at: datetime | None = None  # when a job of ours last began or ended at Marketo, as far as polls showed
    last_error: CallError | None = None
    incidents: Incidents = field(default_factory=dict)

    @property
    def has_incidents(self) -> bool:
        return any(incident.since for incident in self.incidents.values())

    def incident(self, kind: str) -> Incident | None:
        """The incident of this kind; None where none is going on."""
        incident = self.incidents.get(kind)
        return incident if incident and incident.since else None

    def condition(self, now: datetime) -> InstanceState:
        if self.paused_at:
            return InstanceState.PAUSED
        if self.blocked_at:
            return InstanceState.BLOCKED
        return InstanceState.BACKING_OFF if self.holding(now) else InstanceState.RUNNING

    def holding(self, now: datetime) -> bool:
        """Whether nothing may be submitted yet because Marketo, or what it answered, asked for a pause."""
        return self.hold_until is not None and self.hold_until > now

    def may_submit(self, now: datetime) -> bool:
        return not self.paused_at and not self.holding(now)

    def may_ask(self, now: datetime) -> bool:
        """Whether a status may be polled: always, but not while the day's calls are used up."""
        return self.hold_reason is not WaitingFor.DAILY_QUOTA or not self.holding(now)

    def idle_importers(self, now: datetime, *, jobs: Mapping[JobState, int], importers: int, queued: int) -> int:
        """How many of Marketo's importers have no job of ours although we may send. `parts`: ours at Marketo."""
        working = at_work(jobs)
        room = queued - self.slots_of_others(now, at_work=working) - sum(jobs.get(state, 0) for state in HOLDING_SLOT)
        return max(0, min(importers - working, room)) if self.may_submit(now) else 0

    def slots_of_others(self, now: datetime, *, at_work: int) -> int:
        """How many slots other programs are taken to hold: as many as the last 1016 showed; later, one less is tried.

        `at_work`: how many jobs of ours Marketo works on.
        """
        until = self.external_slots_until(at_work=at_work)
        if not self.external_slots or until is None:
            return 0
        return self.external_slots if until > now else self.external_slots - 1

    def external_slots_until(self, *, at_work: int) -> datetime | None:
        """Until when the last 1016 is relied on: not for long while Marketo has no job of ours: nothing flows then."""
        if self.external_until is None or self.external_at is None or at_work:
            return self.external_until
        alone = timedelta(seconds=external_seconds(self.consecutive_1016s - 1, at_work=0))
        return min(self.external_until, self.external_at + alone)

    def may_doubt_slots(self, now: datetime) -> bool:
        """Whether, once a part of ours has ended, the number of external slots may be tested before its time.

        Marketo's queue is first in, first out: nearly all jobs that stood before that part have ended too.
        """
        at, until = self.external_at, self.external_until
        if not self.external_slots or at is None or until is None or until <= now:
            return False
        return now - at >= timedelta(seconds=FOREIGN_SLOTS_SECONDS)

    def consecutive_1016s_before(self, *, at_work: int) -> int:
        """How many 1016 in a row came before one that comes now.

        They are counted from 0 again when the first job of ours has come to Marketo since, or the last one has gone.
        """
        return self.consecutive_1016s if self.external_alone is not bool(at_work) else 0


def at_work(jobs: Mapping[JobState, int]) -> int:
    """How many of these parts Marketo works on or soon will. Unconfirmed ones do not count: they may not be there."""
    return sum(jobs.get(state, 0) for state in (JobState.SUBMITTING, JobState.QUEUED, JobState.IMPORTING))


def external_seconds(consecutive_1016s_before: int, *, at_work: int) -> float:
    """How long the number of external slots that a 1016 showed is relied on."""
    first, most = FOREIGN_SLOTS_SECONDS, FOREIGN_SLOTS_MOST_SECONDS
    if not at_work:
        first, most = FOREIGN_QUEUE_SECONDS, FOREIGN_QUEUE_MOST_SECONDS
    return min(most, first * 2.0 ** max(0, consecutive_1016s_before))


def waiting_for(part: Part, instance: Instance, now: datetime) -> WaitingFor | None:
    """Why a waiting part is not sent yet; None for a part in another state."""
    if part.state is not PartState.WAITING:
        return None
    if part.accepted_seq is None:
        return WaitingFor.REVIEW
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


NEEDS_MORE_THAN_TIME = (WaitingFor.REVIEW, WaitingFor.SAME_RECORDS)


def next_attempt_at(part: Part, instance: Instance, now: datetime, *, policy: OnUnconfirmed) -> datetime | None:
    """When a part is next sent, or polled again after a failure; None where that does not depend on time."""
    match part.state:
        case PartState.WAITING if instance.paused_at or waiting_for(part, instance, now) in NEEDS_MORE_THAN_TIME:
            return None
        case PartState.WAITING:
            slots_free_at = instance.external_slots_until(at_work=0) if instance.external_alone else None
            times = (part.due_at, instance.hold_until, slots_free_at)
            return max((at for at in times if at and at > now), default=None)
        case PartState.UNCONFIRMED:
            return part.due_at if policy is OnUnconfirmed.RESUBMIT else None
        case _:
            return part.due_at if part.failing_since else None
