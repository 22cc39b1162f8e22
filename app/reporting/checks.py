"""The checks that the verdict is made of: one function for each, whose docstring says what it holds to be well.

The module is as long as the list of checks; each function stands alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.clock import Cause, rfc3339
from app.domain.imports import AttentionCode, Import
from app.domain.instances import InstanceState
from app.domain.timeouts import (
    CLOCK_DOUBT_SECONDS,
    CLOCK_TOLD_SECONDS,
    CLOCK_TOLERANCE_SECONDS,
    IDLE_SECONDS,
    MISSED_LEASES,
    quota_reset,
)
from app.domain.webhooks import Webhook
from app.reporting.instances import InstanceView
from app.scheduling.timekeeper import Timekeeper
from app.settings import Settings
from app.store.disk_usage import DiskUsage
from app.store.queue_summary import QueueSummary

SLACK_LEASES = 3  # leases' time that a tick may take beside its calls
NAMED_PARTS = 3
NAMED_WEBHOOKS = 5
MOST_CALLS = 4  # calls that any step but submit makes before it is done; each may take the call timeout
NEAR = 0.9  # share of a limit from which on it is nearly reached
CONNECTIONS_NEAR = 0.8  # the same for connections to the database
FLOORS = 2  # free disk space is scarce below so many times the floor


class Level(StrEnum):
    """How well something is, the worst last."""

    OK = "ok"
    DEGRADED = "degraded"  # work may go on, and a person should look
    DOWN = "down"  # this service cannot do its work, or takes nothing in

    @property
    def severity(self) -> int:
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Check:
    """What one look at one thing has found."""

    name: str
    status: Level
    detail: str


def check_workers(settings: Settings, views: Sequence[InstanceView]) -> Iterator[Check]:
    """A worker drives each instance, and shows it."""
    tolerance = timedelta(seconds=MISSED_LEASES * settings.lease_seconds)
    for view in views:
        instance, name = view.instance, f"worker:{view.instance.name}"
        if instance.worker is None or instance.heartbeat_at is None:
            yield Check(name=name, status=Level.DOWN, detail="no worker drives this instance")
        elif instance.heartbeat_at < view.now - tolerance:
            detail = f"{instance.worker} has given no sign of life since {_moment(instance.heartbeat_at)}"
            yield Check(name=name, status=Level.DOWN, detail=detail)
        else:
            yield Check(name=name, status=Level.OK, detail=instance.worker)


def check_ticks(settings: Settings, views: Sequence[InstanceView]) -> Iterator[Check]:
    """None of its worker's ticks hangs, or fails again and again."""
    slack_seconds = SLACK_LEASES * settings.lease_seconds
    longest = {"submit": settings.upload_timeout_seconds}
    for view in views:
        ages = {tick: (view.now - at).total_seconds() for tick, at in view.instance.ticked.items()}
        late = [
            f"{tick} for {age:.0f} s"
            for tick, age in sorted(ages.items())
            if age > longest.get(tick, MOST_CALLS * settings.call_timeout_seconds) + slack_seconds
        ]
        failing = [
            f"{step} fails since {_moment(fault.since)} ({fault.error}: see the worker's log)"
            for step, fault in sorted(view.instance.failing.items())
        ]
        complaints = [*([f"not done: {', '.join(late)}"] if late else []), *failing]
        yield Check(
            name=f"ticks:{view.instance.name}",
            status=Level.DEGRADED if complaints else Level.OK,
            detail="; ".join(complaints) or "every step comes to its end",
        )


def check_conditions(views: Sequence[InstanceView]) -> Iterator[Check]:
    """The instance is neither paused, nor blocked, nor backing off."""
    for view in views:
        condition = view.condition
        detail = f"{condition}{f': {view.reason}' if view.reason else ''}"
        status = Level.OK if condition is InstanceState.RUNNING else Level.DEGRADED
        yield Check(name=f"instance:{view.instance.name}", status=status, detail=detail)


def check_parts(views: Sequence[InstanceView]) -> Iterator[Check]:
    """No part is turned away again and again, or gets no answer for long."""
    for view in views:
        failing = view.queue.failing
        named = [
            f"part {part.number} of import {part.import_id} ({part.code}) since {_moment(part.since)}"
            for part in failing[:NAMED_PARTS]
        ]
        more = len(failing) - len(named)
        detail = f"tried in vain: {', '.join(named)}{f', and {more} more' if more else ''}"
        yield Check(
            name=f"parts:{view.instance.name}",
            status=Level.DEGRADED if failing else Level.OK,
            detail=detail if failing else "none is tried in vain",
        )


def check_unconfigured_instances(settings: Settings, queues: Mapping[str, QueueSummary]) -> Iterator[Check]:
    """Nothing waits for an instance that the settings do not name: nobody would drive it."""
    for name, queue in sorted(queues.items()):
        if name not in settings.instances and (left := sum(queue.parts.values()) + queue.review_parts):
            todo = "configure it again, or cancel their imports"
            detail = f"not configured, and {left} parts of it have not ended: {todo}"
            yield Check(name=f"instance:{name}", status=Level.DEGRADED, detail=detail)


def check_flow(views: Sequence[InstanceView]) -> Iterator[Check]:
    """Marketo's importers do not wait for us."""
    for view in views:
        idle = view.idle_seconds
        waiting = view.queue.waiting_parts
        detail = (
            f"an importer has been idle for {idle:.0f} s while a part could go"
            if idle
            else f"{waiting} parts waiting, {view.slots_used} at Marketo"
        )
        status = Level.DEGRADED if idle >= IDLE_SECONDS else Level.OK
        yield Check(name=f"flow:{view.instance.name}", status=status, detail=detail)


def check_quotas(views: Sequence[InstanceView]) -> Iterator[Check]:
    """Marketo's calls of the day last until its end."""
    for view in views:
        used, most = view.calls_today, view.settings.daily_calls
        detail = f"{used} of {most} calls of the day used; it ends at {quota_reset(view.now):%Y-%m-%dT%H:%MZ}"
        status = Level.DEGRADED if used >= NEAR * most else Level.OK
        yield Check(name=f"quota:{view.instance.name}", status=status, detail=detail)


def check_backlog(settings: Settings, queues: Mapping[str, QueueSummary]) -> Check:
    """There is room for more parts; at the limit new uploads get 429."""
    waiting = sum(queue.waiting_parts + queue.review_parts for queue in queues.values())
    most = settings.backlog_parts
    status = Level.DOWN if waiting >= most else Level.DEGRADED if waiting >= NEAR * most else Level.OK
    return Check(name="backlog", status=status, detail=f"{waiting} of {most} parts waiting")


def check_storage(settings: Settings, usage: DiskUsage) -> Iterator[Check]:
    """No disk is near its floor, below which uploads get 507; and the database's connections are not used up."""
    floor = settings.disk_floor_bytes
    detail = f"{usage.temporary_free_bytes:,} bytes free where forms wait, {floor:,} are the floor"
    status = Level.DEGRADED if usage.temporary_free_bytes < FLOORS * floor else Level.OK
    yield Check(name="temporary_files", status=status, detail=detail)
    if (free := usage.free_bytes) is not None:
        status = Level.DOWN if free < floor else Level.DEGRADED if free < FLOORS * floor else Level.OK
        detail = f"{free:,} bytes free, {floor:,} are the floor; the database has {usage.size_bytes:,}"
        yield Check(name="disk", status=status, detail=detail)
    if (connections := usage.connections) is not None:
        status = Level.DEGRADED if connections.share >= CONNECTIONS_NEAR else Level.OK
        detail = f"{connections.used} of {connections.most} connections used"
        yield Check(name="connections", status=status, detail=detail)


def check_clock(timekeeper: Timekeeper) -> Check:
    """The clock that everything is timed by was not set; what was timed goes on all the same."""
    now, jumps = timekeeper.clock, [jump for jump in timekeeper.clock.jumps if jump.cause is Cause.JUMP]
    if timekeeper.doubt:
        change = _direction(timekeeper.doubt.seconds)
        detail = f"was set {change}; followed once it has stayed so for {CLOCK_DOUBT_SECONDS} s"
        return Check(name="clock", status=Level.DEGRADED, detail=detail)
    detail = "was not set"
    if jumps:
        detail = (
            f"was set {_direction(jumps[-1].seconds)} to {rfc3339(jumps[-1].after)}, and what was timed moved along"
        )
    off = (now.wall() - now()).total_seconds()
    if abs(off) >= CLOCK_TOLERANCE_SECONDS:
        detail += f"; this machine's own is {abs(off):,.0f} s {'ahead' if off > 0 else 'behind'}, and does not count"
    recent = jumps and now.seconds_since(jumps[-1]) < CLOCK_TOLD_SECONDS
    return Check(name="clock", status=Level.DEGRADED if recent else Level.OK, detail=detail)


def _direction(seconds: float) -> str:
    return f"{'forward' if seconds > 0 else 'back'} by {abs(seconds):,.0f} s"


def check_retention(refusal: object | None) -> Check:
    """What its time has run out for is erased."""
    return Check(
        name="retention",
        status=Level.DEGRADED if refusal else Level.OK,
        detail=f"erases nothing: {refusal}" if refusal else "erases what its time has run out for",
    )


def check_webhooks(switched_off: Sequence[Webhook]) -> Check:
    """No endpoint was switched off by the service itself, because its receiver is gone or takes nothing."""
    named = [f"{each.id} of {each.client or 'everybody'} ({each.off_reason})" for each in switched_off[:NAMED_WEBHOOKS]]
    more = len(switched_off) - len(named)
    detail = f"switched off: {', '.join(named)}{f', and {more} more' if more else ''}"
    return Check(
        name="webhooks",
        status=Level.DEGRADED if switched_off else Level.OK,
        detail=detail if switched_off else "none was switched off",
    )


def check_attention(troubled: Sequence[Import], missing: Sequence[int]) -> Check:
    """No unfinished import is stuck or unconfirmed, and the fate of every row of a finished one is known.

    `troubled`: unfinished imports that a person should look at. `missing`: imports that finished lately, and not every
    row of them is accounted for.
    """
    named = [f"{import_.id} ({import_.attention.code})" for import_ in troubled if import_.attention]
    named += [f"{import_id} ({AttentionCode.RESULTS_MISSING})" for import_id in missing]
    detail = f"imports {', '.join(named)}" if named else "nothing is stuck or unconfirmed"
    return Check(name="attention", status=Level.DEGRADED if named else Level.OK, detail=detail)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
