"""Reads what endpoints are to be sent now. Endpoints that ask while one look is under way share the next."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from app.batcher import Batch, Batcher
from app.clock import Clock
from app.domain.webhooks import Delivery, Secrets, Webhook
from app.store import import_queries, webhook_deliveries, webhook_secrets, webhooks
from app.store.database import Database
from app.tracing import NO_TRACER, Tracer
from app.webhooks.bodies import Bodies

READ_AT_ONCE = 50  # deliveries of one endpoint


class Message(NamedTuple):
    """A delivery that is due, with what is sent. `body`: None where what it tells of is gone."""

    endpoint: Webhook
    secrets: Secrets
    delivery: Delivery
    body: bytes | None
    traceparent: str | None = None  # of the request that made the import of which it tells


class Asked(NamedTuple):
    webhook_id: int
    under_way: Collection[int]  # deliveries that are being sent


@dataclass(slots=True)
class MessageReader:
    db: Database
    now: Clock
    bodies: Bodies
    tracer: Tracer = NO_TRACER
    _batcher: Batcher[Asked, list[Message]] = field(init=False)

    def __post_init__(self) -> None:
        self._batcher = Batcher(self._read)

    async def read(self, webhook_id: int, under_way: Collection[Delivery]) -> list[Message]:
        """What may be sent to the endpoint now, READ_AT_ONCE at most, the oldest first."""
        return await self._batcher.ask(Asked(webhook_id, [delivery.id for delivery in under_way]))

    async def _read(self, batch: Batch[Asked, list[Message]]) -> Sequence[list[Message]]:
        """One look at the database for all that is due, and one for all that it tells of."""
        due: dict[int, list[Delivery]] = {}
        at, ids = self.now(), {asked.webhook_id for asked in batch.requests}
        async with self.db.read() as tx:
            endpoints = await webhooks.open_ones(tx, ids, at=at)
            secrets = await webhook_secrets.get_each(tx, endpoints)
            for webhook_id, under_way in batch.requests:
                if webhook_id in endpoints:
                    due[webhook_id] = await webhook_deliveries.due(
                        tx, webhook_id, now=at, without=under_way, size=READ_AT_ONCE
                    )
            traces = await self._traces(tx, due)
        bodies = await self.bodies.of([(endpoints[each], delivery) for each in due for delivery in due[each]])
        messages = {
            each: [
                Message(
                    endpoints[each],
                    secrets[each],
                    delivery,
                    bodies.get(delivery.id),
                    traces.get(delivery.import_id or 0),
                )
                for delivery in due[each]
            ]
            for each in due
        }
        return [messages.get(asked.webhook_id, []) for asked in batch.requests]

    async def _traces(self, tx: AsyncConnection, due: Mapping[int, Sequence[Delivery]]) -> Mapping[int, str]:
        """By import: the trace context of the request that made it. Not asked for where traces are off."""
        ids = {each.import_id for deliveries in due.values() for each in deliveries if each.import_id is not None}
        return await import_queries.traces_of(tx, ids) if self.tracer.is_on and ids else {}
