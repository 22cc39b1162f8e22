"""What /v1/status looks at, one function each.

`down`: this service cannot do its work, or takes nothing in. `degraded`: work may go on, and a person should look.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from app.api.schemas import CheckOut
from app.api.views import InstanceView
from app.clock import Cause, rfc3339
from app.domain.imports import AttentionCode, Import
from app.domain.instances import Condition
from app.domain.timeouts import (
    CLOCK_DOUBT_SECONDS,
    CLOCK_TOLD_SECONDS,
    CLOCK_TOLERANCE_SECONDS,
    IDLE_SECONDS,
    MISSED_LEASES,
    quota_reset,
)
from app.operations.erase import Refusal
from app.scheduling.timekeeper import Timekeeper
from app.settings import Settings
from app.store.disk_usage import DiskUsage
from app.store.queue_summary import QueueSummary

OK, DEGRADED, DOWN = "ok", "degraded", "down"

LEASES_OF_CARE = 3  # that a tick may take beside its calls
NAMED_PARTS = 3
MOST_CALLS = 4  # that a step but submit makes before it is done, each as long as a call may take
NEAR = 0.9  # of a limit
CONNECTIONS_NEAR = 0.8
FLOORS = 2  # of free disk space, below which it is getting scarce


def workers(settings: Settings, views: Sequence[InstanceView]) -> Iterator[CheckOut]:
    """A worker drives each instance, and shows it."""
    patience = timedelta(seconds=MISSED_LEASES * settings.lease_seconds)
    for view in views:
        instance, name = view.instance, f"worker:{view.instance.name}"
        if instance.worker is None or instance.heartbeat_at is None:
            yield CheckOut(name=name, status=DOWN, detail="no worker drives this instance")
        elif instance.heartbeat_at < view.now - patience:
            detail = f"{instance.worker} has given no sign of life since {_moment(instance.heartbeat_at)}"
            yield CheckOut(name=name, status=DOWN, detail=detail)
        else:
            yield CheckOut(name=name, status=OK, detail=instance.worker)


def ticks(settings: Settings, views: Sequence[InstanceView]) -> Iterator[CheckOut]:
    """None of its worker's ticks hangs, or fails again and again."""
    care = LEASES_OF_CARE * settings.lease_seconds
    longest = {"submit": settings.upload_timeout_seconds}
    for view in views:
        ages = {tick: (view.now - at).total_seconds() for tick, at in view.instance.ticked.items()}
        late = [
            f"{tick} for {age:.0f} s"
            for tick, age in sorted(ages.items())
            if age > longest.get(tick, MOST_CALLS * settings.call_timeout_seconds) + care
        ]
        failing = [
            f"{step} fails since {_moment(fault.since)} ({fault.error}: see the worker's log)"
            for step, fault in sorted(view.instance.failing.items())
        ]
        told = [*([f"not done: {', '.join(late)}"] if late else []), *failing]
        yield CheckOut(
            name=f"ticks:{view.instance.name}",
            status=DEGRADED if told else OK,
            detail="; ".join(told) or "every step comes to its end",
        )


def conditions(views: Sequence[InstanceView]) -> Iterator[CheckOut]:
    """The instance is neither paused, nor blocked, nor backing off."""
    for view in views:
        condition = view.condition
        detail = f"{condition}{f': {view.reason}' if view.reason else ''}"
        status = OK if condition is Condition.RUNNING else DEGRADED
        yield CheckOut(name=f"instance:{view.instance.name}", status=status, detail=detail)


def parts(views: Sequence[InstanceView]) -> Iterator[CheckOut]:
    """No part is turned away again and again, or gets no answer for long."""
    for view in views:
        found = view.live.failing
        named = [
            f"part {one.number} of import {one.import_id} ({one.code}) since {_moment(one.since)}"
            for one in found[:NAMED_PARTS]
        ]
        more = len(found) - len(named)
        detail = f"tried in vain: {', '.join(named)}{f', and {more} more' if more else ''}"
        yield CheckOut(
            name=f"parts:{view.instance.name}",
            status=DEGRADED if found else OK,
            detail=detail if found else "none is tried in vain",
        )


def unconfigured_instances(settings: Settings, live: Mapping[str, QueueSummary]) -> Iterator[CheckOut]:
    """Nothing waits for an instance that the settings do not name: nobody would drive it."""
    for name, seen in sorted(live.items()):
        if name not in settings.instances and (left := sum(seen.parts.values())):
            todo = "configure it again, or cancel their imports"
            detail = f"not configured, and {left} parts of it have not ended: {todo}"
            yield CheckOut(name=f"instance:{name}", status=DEGRADED, detail=detail)


def flow(views: Sequence[InstanceView]) -> Iterator[CheckOut]:
    """Marketo's importers do not wait for us."""
    for view in views:
        idle = view.idle_seconds
        waiting = view.live.waiting_parts
        detail = (
            f"an importer has been idle for {idle:.0f} s while a part could go"
            if idle
            else f"{waiting} parts waiting, {view.slots_used} at Marketo"
        )
        status = DEGRADED if idle >= IDLE_SECONDS else OK
        yield CheckOut(name=f"flow:{view.instance.name}", status=status, detail=detail)


def quotas(views: Sequence[InstanceView]) -> Iterator[CheckOut]:
    """Marketo's calls of the day last until its end."""
    for view in views:
        used, most = view.calls_today, view.settings.daily_calls
        detail = f"{used} of {most} calls of the day used; it ends at {quota_reset(view.now):%Y-%m-%dT%H:%MZ}"
        status = DEGRADED if used >= NEAR * most else OK
        yield CheckOut(name=f"quota:{view.instance.name}", status=status, detail=detail)


def backlog(settings: Settings, live: Mapping[str, QueueSummary]) -> CheckOut:
    """There is room for more parts; at the limit new uploads get 429."""
    waiting, most = sum(seen.waiting_parts for seen in live.values()), settings.backlog_parts
    status = DOWN if waiting >= most else DEGRADED if waiting >= NEAR * most else OK
    return CheckOut(name="backlog", status=status, detail=f"{waiting} of {most} parts waiting")


def storage(settings: Settings, room: DiskUsage) -> Iterator[CheckOut]:
    """No disk is near its floor, below which uploads get 507; and the database's connections are not used up."""
    floor = settings.disk_floor_bytes
    detail = f"{room.temporary_free_bytes:,} bytes free where forms wait, {floor:,} are the floor"
    status = DEGRADED if room.temporary_free_bytes < FLOORS * floor else OK
    yield CheckOut(name="temporary_files", status=status, detail=detail)
    if (free := room.free_bytes) is not None:
        status = DOWN if free < floor else DEGRADED if free < FLOORS * floor else OK
        detail = f"{free:,} bytes free, {floor:,} are the floor; the database has {room.size_bytes:,}"
        yield CheckOut(name="disk", status=status, detail=detail)
    if (connections := room.connections) is not None:
        status = DEGRADED if connections.share >= CONNECTIONS_NEAR else OK
        detail = f"{connections.used} of {connections.most} connections used"
        yield CheckOut(name="connections", status=status, detail=detail)


def clock(keeper: Timekeeper) -> CheckOut:
    """The clock that everything is timed by was not set; what was timed goes on all the same."""
    now, jumps = keeper.clock, [jump for jump in keeper.clock.jumps if jump.cause is Cause.JUMP]
    if keeper.doubt:
        detail = f"was set {_way(keeper.doubt.seconds)}; followed once it has stayed so for {CLOCK_DOUBT_SECONDS} s"
        return CheckOut(name="clock", status=DEGRADED, detail=detail)
    told = "was not set"
    if jumps:
        told = f"was set {_way(jumps[-1].seconds)} to {rfc3339(jumps[-1].after)}, and what was timed moved along"
    off = (now.wall() - now()).total_seconds()
    if abs(off) >= CLOCK_TOLERANCE_SECONDS:
        told += f"; this machine's own is {abs(off):,.0f} s {'ahead' if off > 0 else 'behind'}, and does not count"
    recent = jumps and now.seconds_since(jumps[-1]) < CLOCK_TOLD_SECONDS
    return CheckOut(name="clock", status=DEGRADED if recent else OK, detail=told)


def _way(seconds: float) -> str:
    return f"{'forward' if seconds > 0 else 'back'} by {abs(seconds):,.0f} s"


def retention(refused: Refusal | None) -> CheckOut:
    """What its time has run out for is erased."""
    return CheckOut(
        name="retention",
        status=DEGRADED if refused else OK,
        detail=f"erases nothing: {refused}" if refused else "erases what its time has run out for",
    )


def attention(found: Sequence[Import], missing: Sequence[int]) -> CheckOut:
    """Nothing is stuck or unconfirmed, and no row's fate unknown.

    `found`: unfinished imports that a person should look at; `missing`: those that finished lately, and not every row
    is accounted for.
    """
    told = [f"{one.id} ({one.attention.code})" for one in found if one.attention]
    told += [f"{import_id} ({AttentionCode.RESULTS_MISSING})" for import_id in missing]
    detail = f"imports {', '.join(told)}" if told else "nothing is stuck or unconfirmed"
    return CheckOut(name="attention", status=DEGRADED if told else OK, detail=detail)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
