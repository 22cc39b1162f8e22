"""Endpoints of webhooks: what people say of them, how their deliveries go, and which worker sends those."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, insert, or_, select, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.webhooks import SwitchedOff, Webhook, WebhookEvent
from app.store import webhook_secrets
from app.store.tables import webhook, webhook_delivery
from app.store.transaction import Transaction
from app.store.webhook_deliveries import UNDELIVERED

SHOWN: tuple[Any, ...] = (
    *(webhook.c.id, webhook.c.client, webhook.c.url, webhook.c.description, webhook.c.events, webhook.c.enabled),
    *(webhook.c.off_at, webhook.c.off_reason, webhook.c.failing_since, webhook.c.failures, webhook.c.hold_until),
    webhook.c.created_at,
)
"""All of an endpoint but its secrets and its lease."""
_IS_THERE = webhook.c.removed_at.is_(None)
FREED: dict[str, Any] = {"failing_since": None, "failures": 0, "hold_until": None}
"""Of an endpoint that is taken to be well."""


async def add(
    tx: Transaction,
    *,
    client: str | None,
    url: str,
    description: str | None,
    events: Collection[WebhookEvent],
    secret: str,
    at: datetime,
) -> int:
    values = {"client": client, "url": url, "description": description, "events": sorted(events), "enabled": True}
    made = insert(webhook).values(**values, **webhook_secrets.of_new(tx, secret), created_at=at)
    return int((await tx.execute(made.returning(webhook.c.id))).scalar_one())


async def get(tx: AsyncConnection, webhook_id: int) -> Webhook | None:
    row = (await tx.execute(select(*SHOWN).where(webhook.c.id == webhook_id, _IS_THERE))).one_or_none()
    return _as_webhook(row) if row else None


async def open_ones(tx: AsyncConnection, webhook_ids: Collection[int], *, at: datetime) -> dict[int, Webhook]:
    """Those of these endpoints that may be sent something now, by id."""
    not_held = or_(webhook.c.hold_until.is_(None), webhook.c.hold_until <= at)
    query = select(*SHOWN).where(webhook.c.id.in_(webhook_ids), _IS_THERE, webhook.c.enabled.is_(True), not_held)
    return {row.id: _as_webhook(row) for row in await tx.execute(query)}


async def lock(tx: Transaction, webhook_id: int) -> Webhook | None:
    """As `get`; whoever else writes about the endpoint waits for this transaction's end."""
    query = select(*SHOWN).where(webhook.c.id == webhook_id, _IS_THERE).with_for_update(key_share=True)
    row = (await tx.execute(query)).one_or_none()
    return _as_webhook(row) if row else None


async def page(tx: AsyncConnection, *, client: str | None, after: int, size: int) -> list[Webhook]:
    """Endpoints of this client, or all (None), oldest first, from behind the id `after` on."""
    of_client = true() if client is None else webhook.c.client == client
    query = select(*SHOWN).where(_IS_THERE, of_client, webhook.c.id > after).order_by(webhook.c.id).limit(size)
    return [_as_webhook(row) for row in await tx.execute(query)]


async def count(tx: AsyncConnection, client: str | None) -> tuple[int, int]:
    """(how many endpoints there are, how many of this client; None: of those that hear of everybody)."""
    of_client = webhook.c.client.is_(None) if client is None else webhook.c.client == client
    row = (await tx.execute(select(func.count(), func.count().filter(of_client)).where(_IS_THERE))).one()
    return row[0], row[1]


async def switched_off(tx: AsyncConnection) -> list[Webhook]:
    """Endpoints that the service itself has switched off."""
    query = select(*SHOWN).where(_IS_THERE, webhook.c.off_reason.is_not(None)).order_by(webhook.c.id)
    return [_as_webhook(row) for row in await tx.execute(query)]


async def numbers(tx: AsyncConnection) -> dict[str, int]:
    """How many endpoints are on, failing or off."""
    rows = await tx.execute(select(webhook.c.enabled, webhook.c.failing_since.is_not(None)).where(_IS_THERE))
    states = ["off" if not enabled else "failing" if failing else "on" for enabled, failing in rows]
    return {state: states.count(state) for state in ("on", "failing", "off")}


async def change(tx: Transaction, webhook_id: int, **values: Any) -> None:
    await tx.execute(update(webhook).where(webhook.c.id == webhook_id).values(values))


async def enable(tx: Transaction, webhook_id: int) -> None:
    await change(tx, webhook_id, enabled=True, off_at=None, off_reason=None, **FREED)


async def switch_off(tx: Transaction, webhook_id: int, *, at: datetime, reason: SwitchedOff | None) -> None:
    """Deliver nothing more to it. `reason`: None where a person says so."""
    await change(tx, webhook_id, enabled=False, off_at=at, off_reason=reason)


async def remove(tx: Transaction, webhook_id: int, *, at: datetime) -> None:
    """From this commit on nobody sees it; maintenance deletes it (webhook_deliveries.forget_removed)."""
    await change(tx, webhook_id, removed_at=at, enabled=False, off_at=at, off_reason=None)


# The lease of an endpoint: one worker at a time sends its deliveries


async def with_work(tx: AsyncConnection, *, now: datetime, worker: str, over: datetime | None) -> list[int]:
    """Endpoints with a delivery that is due, which this worker may send. `over`: as in `take`."""
    due = exists().where(
        webhook_delivery.c.webhook_id == webhook.c.id, UNDELIVERED, webhook_delivery.c.next_attempt_at <= now
    )
    is_free = or_(webhook.c.hold_until.is_(None), webhook.c.hold_until <= now)
    query = select(webhook.c.id).where(webhook.c.enabled.is_(True), _IS_THERE, is_free, _may_take(worker, over), due)
    return list((await tx.execute(query.order_by(webhook.c.id))).scalars())


async def take(
    tx: Transaction, ids: Collection[int], *, worker: str, until: datetime, over: datetime | None
) -> dict[int, int]:
    """Take the leases of these endpoints, as far as no other worker has them: the new epochs, by endpoint.

    `over`: another worker's lease that ends by then may be taken; None where that cannot be judged.
    """
    taking = update(webhook).where(webhook.c.id.in_(ids), _may_take(worker, over))
    values = {"worker": worker, "lease_epoch": webhook.c.lease_epoch + 1, "lease_until": until}
    rows = await tx.execute(taking.values(values).returning(webhook.c.id, webhook.c.lease_epoch))
    return {row.id: row.lease_epoch for row in rows}


def _may_take(worker: str, over: datetime | None) -> ColumnElement[bool]:
    is_ours = or_(webhook.c.worker.is_(None), webhook.c.worker == worker)
    return is_ours if over is None else or_(is_ours, webhook.c.lease_until <= over)


async def renew(tx: Transaction, epochs: Mapping[int, int], *, until: datetime) -> set[int]:
    """Make these leases last until then; those that are still ours."""
    renewing = update(webhook).where(_of_epochs(epochs)).values(lease_until=until).returning(webhook.c.id)
    return set((await tx.execute(renewing)).scalars())


async def release(tx: Transaction, epochs: Mapping[int, int]) -> None:
    await tx.execute(update(webhook).where(_of_epochs(epochs)).values(worker=None, lease_until=None))


async def lock_leased(tx: Transaction, epochs: Mapping[int, int]) -> dict[int, Webhook]:
    """Lock these endpoints, of whose deliveries the outcomes are to be written; those whose lease is ours (FENCED)."""
    query = select(*SHOWN).where(_of_epochs(epochs), _IS_THERE).order_by(webhook.c.id)
    rows = await tx.execute(query.with_for_update(key_share=True))
    return {row.id: _as_webhook(row) for row in rows}


def _of_epochs(epochs: Mapping[int, int]) -> ColumnElement[bool]:
    return tuple_(webhook.c.id, webhook.c.lease_epoch).in_(list(epochs.items()))


def _as_webhook(row: Row[Any]) -> Webhook:
    values = row._asdict()
    values["events"] = frozenset(WebhookEvent(event) for event in row.events)
    values["off_reason"] = SwitchedOff(row.off_reason) if row.off_reason else None
    return Webhook(**values)
