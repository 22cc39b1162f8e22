"""After a back-up was restored: what of it may have gone on meanwhile, and how it is kept from being sent again.

Between the back-up and its restoration, a service has gone on with what is here, and nothing of that is known.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.events import Occurrence
from app.domain.imports import FINISHED, ImportStatus, OnUnconfirmed
from app.domain.lifecycle import PartState
from app.domain.parts import TryError
from app.domain.timeouts import REVIEW_SECONDS, after
from app.store import imports, parts, webhook_deliveries
from app.store.dialects import skip_ids
from app.store.tables import api_key, event, idempotency_key, import_, part, webhook, webhook_delivery
from app.store.transaction import ImportLock, Transaction

SKIPPED_IMPORTS = 1_000_000  # that may have been accepted since the back-up; Marketo's clients read 32 bits
SKIPPED_EVENTS = 100_000_000  # by which streams of events are resumed
MAY_HAVE_BEEN_SENT = "restored"
UNFINISHED = [status for status in ImportStatus if status not in FINISHED]


async def skip_lost_ids(tx: Transaction) -> None:
    """Give no id once more that was given out since the back-up: a caller would be told of another's work."""
    for table in (import_, webhook, webhook_delivery):
        await skip_ids(tx, table, SKIPPED_IMPORTS)
    await skip_ids(tx, event, SKIPPED_EVENTS)


async def untold(
    tx: Transaction, instance_name: str, *, accepted_until: datetime, since: datetime, limit: int
) -> list[ImportLock]:
    """The locks of some imports that were not finished, and whose history has not been told of this restoration.

    `accepted_until`: those that were accepted later are no part of the back-up. `since`: when it was made.
    """
    is_told = exists().where(event.c.import_id == import_.c.id, event.c.type == Occurrence.RESTORED, event.c.at > since)
    of_back_up = (import_.c.status.in_(UNFINISHED), import_.c.created_at <= accepted_until)
    which = select(import_.c.id).where(import_.c.instance == instance_name, *of_back_up, ~is_told)
    ids = (await tx.execute(which.order_by(import_.c.id).limit(limit))).scalars().all()
    return await imports.lock_each(tx, ids)


async def hold_back(
    tx: Transaction, locks: Sequence[ImportLock], instance_name: str, *, since: datetime, at: datetime
) -> Mapping[int, Counter[PartState]]:
    """Let nothing more of these imports be sent before a person says so. By import: its parts, by state.

    What waits is put under review. What is unconfirmed, or becomes so, is held, whatever its import's policy was.
    """
    ids = [lock.import_id for lock in locks]
    found: dict[int, Counter[PartState]] = defaultdict(Counter)
    by_state = (part.c.import_id, part.c.state)
    for row in await tx.execute(select(*by_state, func.count()).where(part.c.import_id.in_(ids)).group_by(*by_state)):
        found[row.import_id][PartState(row.state)] = row[2]
    await tx.execute(update(import_).where(import_.c.id.in_(ids)).values(on_unconfirmed=OnUnconfirmed.HOLD))
    why = f"It waited when the back-up of {since:%Y-%m-%d %H:%M} UTC was made, and may have been sent since."
    await parts.set_apart(tx, ids)
    await parts.hold_back(tx, ids, instance_name, TryError(MAY_HAVE_BEEN_SENT, why, at))
    waiting = [import_id for import_id, states in found.items() if states[PartState.WAITING]]
    await imports.put_under_review(tx, waiting, until=after(at, REVIEW_SECONDS))
    return found


@dataclass(frozen=True, slots=True)
class Beside:
    """What else a back-up brings back that a person should look at."""

    api_keys: int  # that open: also those that were revoked since the back-up
    idempotency_keys: int  # that are known; those of later requests are not
    webhooks: int  # endpoints that are told what happens
    deliveries: int  # that wait, and may have been made


async def beside(tx: AsyncConnection, *, at: datetime) -> Beside:
    not_over = api_key.c.expires_at.is_(None) | (api_key.c.expires_at > at)
    queries = (
        select(func.count()).select_from(api_key).where(api_key.c.revoked_at.is_(None), not_over),
        select(func.count()).select_from(idempotency_key).where(idempotency_key.c.import_id.is_not(None)),
        select(func.count()).select_from(webhook).where(webhook.c.enabled, webhook.c.removed_at.is_(None)),
        select(func.count()).select_from(webhook_delivery).where(webhook_deliveries.UNDELIVERED),
    )
    return Beside(*[(await tx.execute(query)).scalar_one() for query in queries])
