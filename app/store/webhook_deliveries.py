"""Deliveries of webhooks: written by the transaction that they tell of, sent later, kept as long as history."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, and_, bindparam, delete, exists, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.webhooks import Delivery, DeliveryState
from app.store.tables import webhook, webhook_delivery
from app.store.transaction import Transaction

ROWS_AT_ONCE = 1_000
MOST_COUNTED = 100_000
OFF_TEXT = "the endpoint was switched off"
_WAITING = literal(DeliveryState.WAITING.value, literal_execute=True)
UNDELIVERED = webhook_delivery.c.state == _WAITING
"""Stands in the statement itself: so a database sees that an index of what waits will do."""


async def write(tx: Transaction) -> bool:
    """Write the transaction's news for each endpoint that wants it. True where there is any.

    One look at the endpoints, where there is news at all. They are locked against being deleted meanwhile, no more.
    """
    if not tx.news:
        return False
    endpoints = select(webhook.c.id, webhook.c.client, webhook.c.events).where(webhook.c.enabled.is_(True))
    wanting = (await tx.execute(endpoints.with_for_update(read=True, key_share=True))).all()
    rows = [
        _new(endpoint.id, news.event, news.subject, at) | {"import_id": news.import_id, "instance": news.instance}
        for news, at in tx.news.items()
        for endpoint in wanting
        if news.event in endpoint.events and (None in (endpoint.client, news.client) or endpoint.client == news.client)
    ]
    if rows:
        await tx.execute(insert(webhook_delivery), rows)
    return bool(rows)


async def add(tx: Transaction, webhook_id: int, event: str, *, at: datetime) -> int:
    """Write one that is about no import and no instance."""
    row = _new(webhook_id, event, f"{event}:{uuid4().hex}", at)
    made = await tx.execute(insert(webhook_delivery).returning(webhook_delivery.c.id), row)
    return int(made.scalar_one())


def _new(webhook_id: int, event: str, subject: str, at: datetime) -> dict[str, Any]:
    return {
        "webhook_id": webhook_id,
        "message_id": f"msg_{uuid4().hex}",
        "event": event,
        "subject": subject,
        "at": at,
        "state": DeliveryState.WAITING,
        "waiting_since": at,
        "next_attempt_at": at,
    }


async def due(
    tx: AsyncConnection, webhook_id: int, *, now: datetime, without: Collection[int], size: int
) -> list[Delivery]:
    """What may be sent to an endpoint now, the oldest first: of each subject the first that waits, and no other."""
    earlier = webhook_delivery.alias()
    is_behind = exists().where(
        earlier.c.webhook_id == webhook_id,
        earlier.c.subject == webhook_delivery.c.subject,
        earlier.c.id < webhook_delivery.c.id,
        earlier.c.state == _WAITING,
    )
    its_due = and_(webhook_delivery.c.webhook_id == webhook_id, UNDELIVERED, webhook_delivery.c.next_attempt_at <= now)
    query = select(webhook_delivery).where(its_due, webhook_delivery.c.id.not_in(without), ~is_behind)
    rows = await tx.execute(query.order_by(webhook_delivery.c.next_attempt_at, webhook_delivery.c.id).limit(size))
    return [_as_delivery(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Tried:
    """What one try has made of a delivery."""

    delivery_id: int
    state: DeliveryState
    attempts: int
    status: int | None
    error: str | None
    next_attempt_at: datetime | None


async def note(tx: Transaction, tries: Sequence[Tried]) -> None:
    """Write how these tries ended. The caller holds the endpoints (webhooks.lock_leased)."""
    names = ("state", "attempts", "last_status", "last_error", "next_attempt_at")
    values = {name: bindparam(f"new_{name}", type_=webhook_delivery.c[name].type) for name in names}
    still_waiting = webhook_delivery.c.state == DeliveryState.WAITING
    noting = update(webhook_delivery).where(webhook_delivery.c.id == bindparam("of_delivery"), still_waiting)
    rows = [
        {
            "of_delivery": tried.delivery_id,
            "new_state": tried.state,
            "new_attempts": tried.attempts,
            "new_last_status": tried.status,
            "new_last_error": tried.error,
            "new_next_attempt_at": tried.next_attempt_at,
        }
        for tried in tries
    ]
    await tx.execute(noting.values(values), rows)


async def hurry(tx: Transaction, webhook_id: int, *, at: datetime) -> None:
    """An endpoint answers again: what was tried in vain is due at once."""
    tried = (webhook_delivery.c.webhook_id == webhook_id, UNDELIVERED, webhook_delivery.c.attempts > 0)
    await tx.execute(
        update(webhook_delivery).where(*tried, webhook_delivery.c.next_attempt_at > at).values(next_attempt_at=at)
    )


async def get(tx: AsyncConnection, webhook_id: int, delivery_id: int) -> Delivery | None:
    its_own = (webhook_delivery.c.id == delivery_id, webhook_delivery.c.webhook_id == webhook_id)
    row = (await tx.execute(select(webhook_delivery).where(*its_own))).one_or_none()
    return _as_delivery(row) if row else None


async def page(tx: AsyncConnection, webhook_id: int, *, before: int | None, size: int) -> list[Delivery]:
    """An endpoint's deliveries, newest first, from before the id `before` on."""
    query = select(webhook_delivery).where(webhook_delivery.c.webhook_id == webhook_id)
    if before is not None:
        query = query.where(webhook_delivery.c.id < before)
    rows = await tx.execute(query.order_by(webhook_delivery.c.id.desc()).limit(size))
    return [_as_delivery(row) for row in rows]


async def send_again(tx: Transaction, delivery_id: int, *, at: datetime) -> None:
    """Let it be tried from the beginning, under the same message id."""
    values = {"state": DeliveryState.WAITING, "attempts": 0, "waiting_since": at, "next_attempt_at": at}
    await tx.execute(update(webhook_delivery).where(webhook_delivery.c.id == delivery_id).values(values))


async def waiting(tx: AsyncConnection) -> int:
    """How many wait, MOST_COUNTED at most: an endpoint that is away for days may leave millions."""
    some = select(webhook_delivery.c.id).where(UNDELIVERED).limit(MOST_COUNTED).subquery()
    return int((await tx.execute(select(func.count()).select_from(some))).scalar_one())


async def fail_some(tx: Transaction, webhook_id: int | None = None) -> bool:
    """Give up some of what still waits for an endpoint that is switched off, or for any. False: nothing does."""
    off = select(webhook.c.id).where(webhook.c.enabled.is_(False))
    if webhook_id is not None:
        off = off.where(webhook.c.id == webhook_id)
    some = select(webhook_delivery.c.id).where(webhook_delivery.c.webhook_id.in_(off), UNDELIVERED)
    values = {"state": DeliveryState.FAILED, "last_error": OFF_TEXT, "next_attempt_at": None}
    failing = update(webhook_delivery).where(webhook_delivery.c.id.in_(some.limit(ROWS_AT_ONCE)), UNDELIVERED)
    return bool((await tx.execute(failing.values(values))).rowcount)


async def forget_removed(tx: Transaction) -> bool:
    """Delete some deliveries of removed endpoints, and those of these that have none left. False: there is nothing."""
    removed = select(webhook.c.id).where(webhook.c.removed_at.is_not(None))
    some = select(webhook_delivery.c.id).where(webhook_delivery.c.webhook_id.in_(removed)).limit(ROWS_AT_ONCE)
    if (await tx.execute(delete(webhook_delivery).where(webhook_delivery.c.id.in_(some)))).rowcount:
        return True
    has_any = exists().where(webhook_delivery.c.webhook_id == webhook.c.id)
    return bool((await tx.execute(delete(webhook).where(webhook.c.removed_at.is_not(None), ~has_any))).rowcount)


async def forget(tx: Transaction, *, before: datetime) -> bool:
    """Delete some of the old ones that are about no import; the others go with their imports. False: there is none."""
    old = and_(webhook_delivery.c.import_id.is_(None), webhook_delivery.c.at < before)
    some = select(webhook_delivery.c.id).where(old).order_by(webhook_delivery.c.at).limit(ROWS_AT_ONCE)
    return bool((await tx.execute(delete(webhook_delivery).where(webhook_delivery.c.id.in_(some)))).rowcount)


def _as_delivery(row: Row[Any]) -> Delivery:
    values = row._asdict()
    values["state"] = DeliveryState(row.state)
    return Delivery(**values)
