"""Jumps of the clock that all times in the database are by, and what moves along with them.

What is timed (a lease, a back-off, a settling time) is stored as a moment. When the clock is set, that moment is set
with it, so that as much time is left as before. What somebody named (`not_before`, a key's end) stays, as history does.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Cause, Clock, Jump, Reading
from app.domain.imports import ImportStatus
from app.domain.instances import WaitingFor
from app.store import incidents, jobs, parts
from app.store.dialects import later, upsert
from app.store.tables import (
    access_token,
    clock_jump,
    description,
    idempotency_key,
    import_,
    instance,
    session,
    stream_token,
    webhook,
    webhook_delivery,
)
from app.store.transaction import Transaction
from app.store.webhook_deliveries import UNDELIVERED

KEPT = 1000  # of all that there ever were: the last ones


async def read(tx: AsyncConnection, clock: Clock) -> Reading:
    """What the reference says: the database, or the machine."""
    if not clock.by_database:
        return Reading(clock.wall(), clock.monotonic())
    asked = clock.monotonic()
    at: datetime = (await tx.execute(select(func.clock_timestamp()))).scalar_one()
    trip = clock.monotonic() - asked
    return Reading(at, asked + trip / 2, trip)


async def known(tx: AsyncConnection, *, after: int = 0) -> list[Jump]:
    """The jumps behind this id, in their order."""
    rows = await tx.execute(select(clock_jump).where(clock_jump.c.id > after).order_by(clock_jump.c.id))
    return [Jump(row.id, Cause(row.cause), row.before_at, row.after_at) for row in rows]


async def last_sign(tx: AsyncConnection) -> datetime | None:
    """The latest moment that a process is known to have lived at."""
    beat = (await tx.execute(select(func.max(instance.c.heartbeat_at)))).scalar_one()
    noticed = select(clock_jump.c.after_at).order_by(clock_jump.c.id.desc()).limit(1)
    return max(filter(None, (beat, (await tx.execute(noticed)).scalar_one_or_none())), default=None)


async def add(tx: Transaction, jump: Jump) -> bool:
    """Record a jump. False where another process was first: then nothing is written."""
    values = {"id": jump.id, "cause": jump.cause, "before_at": jump.before, "after_at": jump.after}
    added = await tx.execute(upsert(tx, clock_jump).values(values).on_conflict_do_nothing().returning(clock_jump.c.id))
    if added.one_or_none() is None:
        return False
    await tx.execute(delete(clock_jump).where(clock_jump.c.id <= jump.id - KEPT))
    seconds = jump.seconds if jump.cause is Cause.JUMP else 0.0
    await _move_instances(tx, seconds, jump_id=jump.id)
    if seconds:
        await _move_others(tx, seconds)  # imports before parts, as all that lock both
        await parts.move_times(tx, seconds)
        await jobs.move_times(tx, seconds)
    return True


async def _move_instances(tx: Transaction, seconds: float, *, jump_id: int) -> None:
    """In the order of their names, as all that lock several. A day's quota ends at midnight, whatever the clock did."""
    for row in (await tx.execute(select(instance).order_by(instance.c.name).with_for_update(key_share=True))).all():
        moved: dict[str, Any] = {name: _moved(getattr(row, name), seconds) for name in TIMES_OF_INSTANCE}
        if row.hold_reason != WaitingFor.DAILY_QUOTA:
            moved["hold_until"] = _moved(row.hold_until, seconds)
        ticked = {tick: _moved(datetime.fromisoformat(at), seconds) for tick, at in (row.ticked or {}).items()}
        moved["ticked"] = {tick: at.isoformat() for tick, at in ticked.items() if at}
        moved["incidents"] = incidents.moved(row.incidents, seconds)
        moved["failing"] = incidents.moved(row.failing, seconds)
        moved["clock_jump"] = jump_id
        await tx.execute(update(instance).where(instance.c.name == row.name).values(moved))


TIMES_OF_INSTANCE = (
    *("foreign_at", "foreign_until", "idle_since", "moved_at"),
    *("heartbeat_at", "lease_until", "calls_at"),
)


TIMES_OF_WEBHOOK = ("previous_secret_until", "failing_since", "hold_until", "lease_until")


async def _move_others(tx: Transaction, seconds: float) -> None:
    locked = select(import_.c.id).where(import_.c.status.in_([ImportStatus.QUEUED, ImportStatus.IMPORTING]))
    await tx.execute(locked.order_by(import_.c.id).with_for_update())  # in the order of their ids, as all do
    unfinished = import_.c.status.is_(None) | import_.c.status.in_([ImportStatus.QUEUED, ImportStatus.IMPORTING])
    for column, which in (
        (import_.c.touched_at, unfinished),
        (import_.c.started_at, import_.c.status == ImportStatus.IMPORTING),
        (import_.c.review_until, import_.c.review_until.is_not(None)),
        (idempotency_key.c.touched_at, idempotency_key.c.import_id.is_(None)),
        (description.c.fetched_at, true()),
        (access_token.c.expires_at, true()),
        *((webhook.c[name], webhook.c[name].is_not(None)) for name in TIMES_OF_WEBHOOK),
        (webhook_delivery.c.waiting_since, UNDELIVERED),
        (webhook_delivery.c.next_attempt_at, UNDELIVERED),
        (stream_token.c.expires_at, true()),
        (session.c.expires_at, true()),
    ):
        await tx.execute(update(column.table).where(which).values({column.name: later(tx, column, seconds)}))


def _moved(at: datetime | None, seconds: float) -> datetime | None:
    return at and at + timedelta(seconds=seconds)
