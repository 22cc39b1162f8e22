"""Instances: their lease, pauses, blocks and back-offs."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, case, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.instances import Calls, Fault, Instance, WaitingFor
from app.domain.throughput import ThroughputModel
from app.store import incidents
from app.store.dialects import upsert
from app.store.tables import clock_jump, instance
from app.store.transaction import Transaction

DOMAIN_NAMES = {
    "foreign_slots": "external_slots",
    "foreign_at": "external_at",
    "foreign_until": "external_until",
    "foreign_lessons": "consecutive_1016s",
    "foreign_alone": "external_alone",
    "pace": "throughput",
}
"""Columns that have another name in the domain, and that name."""

_BY_NAME = select(instance).where(instance.c.name == bindparam("name"))
_OF_EPOCH = _BY_NAME.where(instance.c.lease_epoch == bindparam("epoch"))
# never FOR UPDATE: events refer to the row, and whoever writes one may hold what we wait for
_LOCKED, _SHARED = _OF_EPOCH.with_for_update(key_share=True), _OF_EPOCH.with_for_update(read=True)


async def ensure(tx: Transaction, names: Iterable[str]) -> None:
    """Have a row for each configured instance."""
    last_jump = select(func.coalesce(func.max(clock_jump.c.id), 0)).scalar_subquery()
    for name in sorted(names):
        await tx.execute(upsert(tx, instance).values(name=name, clock_jump=last_jump).on_conflict_do_nothing())


async def get(tx: AsyncConnection, name: str) -> Instance | None:
    row = (await tx.execute(_BY_NAME, {"name": name})).one_or_none()
    return _as_instance(row) if row else None


async def hold_row(tx: Transaction, name: str) -> Instance:
    """Lock the row, whoever drives the instance: what is read stays true, and its events follow the commits."""
    query = select(instance).where(instance.c.name == name).with_for_update(key_share=True)
    return _as_instance((await tx.execute(query)).one())


async def everyone(tx: AsyncConnection) -> list[Instance]:
    return [_as_instance(row) for row in await tx.execute(select(instance).order_by(instance.c.name))]


async def lock(tx: Transaction, name: str, *, epoch: int, share: bool = False) -> Instance | None:
    """Lock the row, so that what is read next stays true; None when the lease is lost (FENCED).

    `share`: only against a take-over; others may hold it so too.
    """
    row = (await tx.execute(_SHARED if share else _LOCKED, {"name": name, "epoch": epoch})).one_or_none()
    return _as_instance(row) if row else None


class LeaseTerm(NamedTuple):
    """From when to when a lease counts."""

    begins_at: datetime
    ends_at: datetime


class SignOfLife(NamedTuple):
    """What a worker hands on with each sign of life, so that the next one does not begin from nothing."""

    calls: Calls
    throughput: ThroughputModel
    ticked: Mapping[str, datetime]  # when each step was last done
    failing: Mapping[str, Fault]  # the steps that failed the last time


async def take_lease(
    tx: Transaction,
    name: str,
    *,
    worker: str,
    term: LeaseTerm,
    over: datetime | None,
    ticks: Iterable[str] = (),
) -> tuple[int, Instance] | None:
    """Drive an instance that nobody drives: (the new epoch, the instance as its last driver left it).

    `over`: another worker's lease that ends by then may be taken; None where that cannot be judged yet. `ticks`: the
    steps that count as done when the term begins. None: another worker holds the instance.
    """
    query = select(instance).where(instance.c.name == name).with_for_update(key_share=True)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    held = row.worker is not None and row.worker != worker
    if held and (over is None or row.lease_until > over):
        return None
    epoch = row.lease_epoch + 1
    ticked = _told(dict.fromkeys(ticks, term.begins_at))
    signs = {"heartbeat_at": term.begins_at, "ticked": ticked, "failing": None, "idle_since": None}
    await _set(tx, name, worker=worker, lease_epoch=epoch, lease_until=term.ends_at, **signs)
    return epoch, _as_instance(row)


async def keep_lease(
    tx: Transaction,
    name: str,
    *,
    epoch: int,
    term: LeaseTerm,
    sign: SignOfLife,
) -> Instance | None:
    """Prolong a lease, and store the sign of life: the instance as it stands. None: the lease is lost."""
    kept = await tx.execute(
        update(instance)
        .where(instance.c.name == name, instance.c.lease_epoch == epoch)
        .values(
            lease_until=term.ends_at,
            heartbeat_at=term.begins_at,
            pace=asdict(sign.throughput),
            ticked=_told(sign.ticked),
            failing={
                step: {"since": fault.since.isoformat(), "error": fault.error} for step, fault in sign.failing.items()
            },
            **_calls(sign.calls),
        )
        .returning(*instance.columns)
    )
    row = kept.one_or_none()
    return _as_instance(row) if row else None


async def give_up_lease(tx: Transaction, name: str, *, epoch: int, now: datetime) -> None:
    await tx.execute(
        update(instance)
        .where(instance.c.name == name, instance.c.lease_epoch == epoch)
        .values(worker=None, lease_until=now, lease_epoch=epoch + 1)
    )


async def note_moved(tx: Transaction, name: str, *, at: datetime) -> None:
    """A job of ours began or ended at Marketo."""
    await _set(tx, name, moved_at=at)


async def note_idle(tx: Transaction, name: str, *, since: datetime | None) -> None:
    """Since when an importer of Marketo has had nothing from us while a part could go; None: none is idle."""
    await _set(tx, name, idle_since=since)


async def pause(tx: Transaction, name: str, *, at: datetime, reason: str | None, by: str) -> None:
    """Who pauses it again says why anew; it has been paused since the first time."""
    since = func.coalesce(instance.c.paused_at, literal(at, instance.c.paused_at.type))
    await _set(tx, name, paused_at=since, paused_reason=reason, paused_by=by)


async def resume(tx: Transaction, name: str, *, at: datetime) -> None:
    """Undo a pause and a block, and let everything be tried at once but what Marketo's limits forbid."""
    freed = dict.fromkeys(("paused_at", "paused_reason", "paused_by", "blocked_at", "blocked_reason"))
    limited = instance.c.hold_reason.in_([WaitingFor.RATE_LIMIT, WaitingFor.DAILY_QUOTA])
    asked_for = case((limited, instance.c.hold_until))
    learnt = case((instance.c.foreign_until.is_not(None), literal(at, instance.c.foreign_until.type)))
    await _set(tx, name, **freed, denied=False, hold_until=asked_for, foreign_until=learnt)


async def block(tx: Transaction, name: str, *, at: datetime, reason: str, denied: bool, try_again_at: datetime) -> bool:
    """Remember that Marketo refuses us. True when that is news."""
    known = await get(tx, name) or Instance(name)
    kept = {"blocked_at": known.blocked_at or at, "blocked_reason": reason, "denied": denied or known.denied}
    await _set(tx, name, **kept, hold_until=try_again_at, hold_reason=None)
    return known.blocked_at is None


async def unblock(tx: Transaction, name: str) -> None:
    await _set(tx, name, blocked_at=None, blocked_reason=None, denied=False, hold_until=None, hold_reason=None)


async def hold(tx: Transaction, name: str, *, until: datetime, reason: WaitingFor) -> None:
    await _set(tx, name, hold_until=until, hold_reason=reason)


@dataclass(frozen=True, slots=True)
class ExternalSlotsEstimate:
    """How many slots others hold, as a 1016 tells, or an acceptance where none was thought to be left."""

    slots: int
    at: datetime
    until: datetime  # so long it counts
    consecutive_1016s: int
    alone: bool  # nothing of ours was at work at Marketo


async def set_external_slots(tx: Transaction, name: str, estimate: ExternalSlotsEstimate) -> None:
    await _set(
        tx,
        name,
        foreign_slots=estimate.slots,
        foreign_at=estimate.at,
        foreign_until=estimate.until,
        foreign_lessons=estimate.consecutive_1016s,
        foreign_alone=estimate.alone,
    )


async def doubt_external_slots(tx: Transaction, name: str, *, at: datetime) -> None:
    """Let the estimate be put to the test now; how many 1016s came in a row is not forgotten."""
    await _set(tx, name, foreign_until=at)


async def count(tx: Transaction, name: str, calls: Calls) -> None:
    await _set(tx, name, **_calls(calls))


def _told(ticked: Mapping[str, datetime]) -> dict[str, str]:
    return {tick: at.isoformat() for tick, at in ticked.items()}


def _calls(calls: Calls) -> dict[str, Any]:
    return {
        "calls_day": calls.day.isoformat(),
        "calls_today": calls.today,
        "calls_last_window": calls.last_window,
        "calls_at": calls.at,
    }


async def _set(tx: Transaction, name: str, **columns: object) -> None:
    await tx.execute(update(instance).where(instance.c.name == name).values(columns))


def _as_instance(row: Row[Any]) -> Instance:
    values = {DOMAIN_NAMES.get(name, name): value for name, value in row._asdict().items()}
    values["hold_reason"] = WaitingFor(row.hold_reason) if row.hold_reason else None
    day, today, last_window, at = (values.pop(f"calls_{name}") for name in ("day", "today", "last_window", "at"))
    values["calls"] = Calls(date.fromisoformat(day), today, last_window, at) if day and at else None
    values["throughput"] = ThroughputModel(**row.pace) if row.pace else ThroughputModel()
    values["failing"] = {
        step: Fault(datetime.fromisoformat(fault["since"]), fault["error"])
        for step, fault in (row.failing or {}).items()
    }
    values["last_error"] = incidents.as_error(row.last_error)
    values["incidents"] = incidents.as_incidents(row.incidents)
    values["ticked"] = {tick: datetime.fromisoformat(at) for tick, at in (row.ticked or {}).items()}
    return Instance(**values)
