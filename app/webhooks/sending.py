"""Sends the deliveries of one endpoint: a few at a time, of each subject in their order, until none is due."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.clock import Clock
from app.domain.timeouts import WEBHOOK_WAKE_SECONDS
from app.domain.webhooks import Attempt, Delivery
from app.tracing import NO_TRACER, Fact, Tracer
from app.webhooks.lease import EndpointLease
from app.webhooks.outcomes import Outcomes
from app.webhooks.posting import Poster
from app.webhooks.reading import READ_AT_ONCE, Message, MessageReader
from app.webhooks.signing import headers_of

AT_ONCE = 5  # deliveries that one endpoint is sent at the same time; while nothing gets through, one
HEADERS = {"content-type": "application/json", "user-agent": "Sluice-Webhooks"}
NOT_THERE = "what it tells of is not there any more"


@dataclass(frozen=True, slots=True)
class EndpointSender:
    now: Clock
    poster: Poster
    reader: MessageReader
    outcomes: Outcomes
    tracer: Tracer = NO_TRACER

    async def run(self, lease: EndpointLease, is_stopping: Callable[[], bool]) -> bool:
        """Send what is due, and end. False: there was nothing.

        Cancelled, it ends its tries: what they brought is not noted, and is sent again.
        """
        under_way: dict[asyncio.Task[Attempt], Delivery] = {}
        ready: deque[Message] = deque()
        has_sent = False
        try:
            while True:
                may_go = not is_stopping() and lease.holds(self.now.monotonic())
                if may_go and not ready and (lease.has_more or not under_way):
                    lease.has_more = False
                    ready.extend(await self.reader.read(lease.webhook_id, under_way.values()))
                    lease.has_more = lease.has_more or len(ready) == READ_AT_ONCE
                while may_go and ready and len(under_way) < (1 if ready[0].endpoint.is_held else AT_ONCE):
                    message = ready.popleft()
                    has_sent = True
                    under_way[asyncio.create_task(self._try(lease, message))] = message.delivery
                if not under_way:
                    return has_sent
                done, _ = await asyncio.wait(
                    under_way, timeout=WEBHOOK_WAKE_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    del under_way[task]
                    if not task.result().is_delivered:
                        ready.clear()  # the endpoint may have to be left alone now: it is read again
                        lease.has_more = True
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _try(self, lease: EndpointLease, message: Message) -> Attempt:
        delivery = message.delivery
        if message.body is None:
            attempt = Attempt(None, NOT_THERE, is_last=True)
        else:
            links = [message.traceparent] if message.traceparent else []
            with self.tracer.span("deliver webhook", facts=_facts(delivery), links=links, is_message=True) as span:
                attempt = await self._post(message, message.body, span.traceparent)
                span.note(delivered=attempt.is_delivered, **({"status": attempt.status} if attempt.status else {}))
        await self.outcomes.record(lease, delivery, attempt)
        return attempt

    async def _post(self, message: Message, body: bytes, traceparent: str | None) -> Attempt:
        at = self.now()
        signing = message.secrets.valid(at)
        headers = HEADERS | headers_of(message.delivery.message_id, body, at=at, signing_secrets=signing)
        headers |= {"traceparent": traceparent} if traceparent else {}  # the receiver goes on with the trace
        return await self.poster.post(message.endpoint.url, headers, body)


def _facts(delivery: Delivery) -> Mapping[str, Fact]:
    """Not the URL, in which a receiver may have put a secret."""
    facts: dict[str, Fact] = {
        "webhook_id": delivery.webhook_id,
        "message_id": delivery.message_id,
        "event": delivery.event,
        "attempt": delivery.attempts + 1,
    }
    return facts if delivery.import_id is None else facts | {"import_id": delivery.import_id}
