"""Webhooks: what people do with endpoints and their deliveries. Sending them is the room `webhooks`."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.clock import Clock
from app.domain.api_keys import Caller, Scope
from app.domain.errors import NotFound, WrongState
from app.domain.timeouts import WEBHOOK_SECRET_SECONDS
from app.domain.webhooks import TEST_EVENT, Delivery, DeliveryState, Webhook, WebhookEvent
from app.notify.signal import Signal
from app.store import webhook_deliveries, webhook_secrets, webhooks
from app.store.database import Database
from app.store.transaction import Transaction
from app.webhooks.addresses import AddressRules, Lookup
from app.webhooks.signing import new_secret
from app.webhooks.urls import check_address, check_url

MOST, MOST_OF_CLIENT = 200, 20  # endpoints: each may hold a few connections, and is looked at by every commit with news


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Each method acts for a caller: a client sees its own endpoints, `admin` all. Others' do not exist (NotFound)."""

    db: Database
    now: Clock
    rules: AddressRules
    lookup: Lookup
    takes_http: bool
    wakeup: Signal  # of the duty that sends

    async def add(
        self, by: Caller, *, url: str, events: Collection[WebhookEvent], description: str | None
    ) -> tuple[Webhook, str]:
        """(a new endpoint, its secret): with `admin` one that hears of everybody. Errors: BadParameter, WrongState."""
        await self._check(url)
        client, secret = _client_of(by), new_secret()
        async with self.db.write() as tx:
            in_all, of_client = await webhooks.count(tx, client)
            if in_all >= MOST or of_client >= MOST_OF_CLIENT:
                most = f"There are {in_all} webhooks of {MOST} at most, {of_client} of them yours of {MOST_OF_CLIENT}."
                raise WrongState(f"{most} Remove one that is not needed.", code="too_many_webhooks")
            values: dict[str, Any] = {"url": url, "events": events, "description": description}
            webhook_id = await webhooks.add(tx, client=client, secret=secret, at=self.now(), **values)
            return await _existing(tx, webhook_id, by), secret

    async def page(self, by: Caller, *, after: int, size: int) -> list[Webhook]:
        """The endpoints that the caller sees, oldest first, from behind the id `after` on."""
        async with self.db.read() as tx:
            return await webhooks.page(tx, client=_client_of(by), after=after, size=size)

    async def get(self, webhook_id: int, by: Caller) -> Webhook:
        async with self.db.read() as tx:
            webhook = await webhooks.get(tx, webhook_id)
        return _seen(webhook, webhook_id, by)

    async def change(self, webhook_id: int, by: Caller, changes: Mapping[str, Any]) -> Webhook:
        """Change `url`, `events`, `description` or `enabled`. Network, for a URL. Errors: BadParameter.

        Switched on, it is taken to be well. Switched off, what waits for it has failed, and can be sent again later.
        """
        await self.get(webhook_id, by)
        if "url" in changes:
            await self._check(changes["url"])
        values = {name: changes[name] for name in ("url", "description") if name in changes}
        if "events" in changes:
            values["events"] = sorted(changes["events"])
        async with self.db.write() as tx:
            await _existing(tx, webhook_id, by)
            if values:
                await webhooks.change(tx, webhook_id, **values)
            if changes.get("enabled") is True:
                await webhooks.enable(tx, webhook_id)
            if changes.get("enabled") is False:
                await webhooks.switch_off(tx, webhook_id, at=self.now(), reason=None)
                await webhook_deliveries.fail_some(tx, webhook_id)
            changed = await _existing(tx, webhook_id, by)
        self.wakeup.send()
        return changed

    async def remove(self, webhook_id: int, by: Caller) -> None:
        """Nothing more is sent to it from this commit on; its history goes with it."""
        async with self.db.write() as tx:
            await _existing(tx, webhook_id, by)
            await webhooks.remove(tx, webhook_id, at=self.now())

    async def replace_secret(self, webhook_id: int, by: Caller) -> tuple[Webhook, str]:
        """(the endpoint, its new secret). The former one signs too for a day."""
        secret, until = new_secret(), self.now() + timedelta(seconds=WEBHOOK_SECRET_SECONDS)
        async with self.db.write() as tx:
            webhook = await _existing(tx, webhook_id, by)
            await webhook_secrets.replace(tx, webhook_id, secret, previous_until=until)
        return webhook, secret

    async def test(self, webhook_id: int, by: Caller) -> Delivery:
        """Have a message sent that says no more than that. Errors: WrongState where it is switched off."""

        async def add_test(tx: Transaction) -> int:
            return await webhook_deliveries.add(tx, webhook_id, TEST_EVENT, at=self.now())

        return await self._deliver(webhook_id, by, add_test)

    async def redeliver(self, webhook_id: int, delivery_id: int, by: Caller) -> Delivery:
        """Have a delivery that has ended sent again, with what is true now. Errors: WrongState where it still waits."""

        async def send_again(tx: Transaction) -> int:
            delivery = await _delivery(tx, webhook_id, delivery_id)
            if delivery.state is DeliveryState.WAITING:
                raise WrongState(f"Delivery {delivery_id} still waits, and is tried again by itself.")
            await webhook_deliveries.send_again(tx, delivery_id, at=self.now())
            return delivery_id

        return await self._deliver(webhook_id, by, send_again)

    async def deliveries(self, webhook_id: int, by: Caller, *, before: int | None, size: int) -> list[Delivery]:
        """Newest first, from before the id `before` on."""
        async with self.db.read() as tx:
            _seen(await webhooks.get(tx, webhook_id), webhook_id, by)
            return await webhook_deliveries.page(tx, webhook_id, before=before, size=size)

    async def tidy(self) -> None:
        """Delete what is removed, in many short transactions, and fail what waits for nothing."""
        steps: tuple[Callable[[Transaction], Awaitable[bool]], ...] = (
            webhook_deliveries.fail_some,
            webhook_deliveries.forget_removed,
        )
        for step in steps:
            more = True
            while more:
                async with self.db.write() as tx:
                    more = await step(tx)

    async def _deliver(self, webhook_id: int, by: Caller, make: Callable[[Transaction], Awaitable[int]]) -> Delivery:
        async with self.db.write() as tx:
            if not (await _existing(tx, webhook_id, by)).enabled:
                message = f"Webhook {webhook_id} is switched off: switch it on first."
                raise WrongState(message, code="webhook_off")
            delivery = await _delivery(tx, webhook_id, await make(tx))
        self.wakeup.send()
        return delivery

    async def _check(self, url: str) -> None:
        await check_address(check_url(url, takes_http=self.takes_http), self.rules, self.lookup)


def _client_of(by: Caller) -> str | None:
    """Whose endpoints a caller has to do with; None: all."""
    return None if by.may(Scope.ADMIN) else by.client


async def _existing(tx: Transaction, webhook_id: int, by: Caller) -> Webhook:
    return _seen(await webhooks.lock(tx, webhook_id), webhook_id, by)


def _seen(webhook: Webhook | None, webhook_id: int, by: Caller) -> Webhook:
    if webhook is None or _client_of(by) not in (None, webhook.client):
        raise NotFound(f"There is no webhook {webhook_id}.")
    return webhook


async def _delivery(tx: Transaction, webhook_id: int, delivery_id: int) -> Delivery:
    delivery = await webhook_deliveries.get(tx, webhook_id, delivery_id)
    if delivery is None:
        raise NotFound(f"Webhook {webhook_id} has no delivery {delivery_id}.")
    return delivery
