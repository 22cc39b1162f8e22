"""What tests of webhooks share: a stage whose webhooks may point to loopback, and workers that send."""

import json
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import standardwebhooks.webhooks

from app.api.webhook_data import WebhookData
from app.webhooks.duty import WebhookDuty
from app.worker.webhook_duty import build_webhook_duty
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.support.receiver import Received
from tests.support.stage import Stage

KNOBS: dict[str, Any] = {"webhook_http": "on", "webhook_networks": "default,127.0.0.0/8"}


@dataclass
class Hooked:
    stage: Stage
    duties: dict[str, WebhookDuty] = field(default_factory=dict)

    def duty(self, worker: str = "one") -> WebhookDuty:
        """That of a worker of this name."""
        if worker not in self.duties:
            self.duties[worker] = build_webhook_duty(self.stage.container, WebhookData(), worker=worker)
        return self.duties[worker]

    async def send(self, worker: str = "one") -> None:
        """The worker looks for what is due, until nothing is."""
        await self.duty(worker).look()
        await self.duty(worker).settled()

    async def pass_time(self, seconds: float) -> None:
        """In steps of half a minute, as leases have to be renewed."""
        while seconds > 0:
            self.stage.clock.step(min(30, seconds))
            seconds -= 30
            await self.send()

    async def add(self, url: str, *events: str) -> tuple[int, str]:
        """(an endpoint, its secret)."""
        wanted = {"url": url, "events": events or ["import.finished"]}
        answer = await self.stage.api.post("/v1/webhooks", json=wanted)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"], answer.json()["secret"]

    async def finished(self) -> int:
        """An import that comes to its end."""
        import_id = await self.stage.created(LEADS)
        assert (await self.stage.api.post(f"/v1/imports/{import_id}/cancel")).status_code == 202
        return import_id

    async def webhook(self, webhook_id: int) -> dict[str, Any]:
        return (await self.stage.api.get(f"/v1/webhooks/{webhook_id}")).json()

    async def deliveries(self, webhook_id: int) -> list[dict[str, Any]]:
        """The oldest first."""
        answer = await self.stage.api.get(f"/v1/webhooks/{webhook_id}/deliveries", params={"page_size": 200})
        return answer.json()["items"][::-1]

    async def end(self) -> None:
        for duty in self.duties.values():
            await duty.end()


def verified(received: Received, secret: str, clock: SteppedClock) -> dict[str, Any]:
    """What a receiver reads with the library of Standard Webhooks, at the time of the test's clock."""
    with patch.object(standardwebhooks.webhooks, "datetime") as patched:
        patched.now.return_value = clock()
        patched.fromtimestamp.side_effect = type(clock()).fromtimestamp
        message = standardwebhooks.Webhook(secret).verify(received.body, received.headers)
    assert message == json.loads(received.body)
    return message
