"""Webhooks of a service as it is run: from an upload to a receiver that verifies what it hears as the page says."""

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.simulator import Rules
from tests.story.files import LEADS_WITH_TROUBLE
from tests.story.test_processes import QUICK
from tests.support import patience
from tests.support.processes import ROOT, service, simulator
from tests.support.receiver import Received, receiving

PAGE = ROOT / "docs" / "webhooks.md"


def verified(secret: str, received: Received) -> dict[str, Any]:
    """What the example in the documentation makes of a delivery, with this secret in its place."""
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (its_secret,) = re.findall(r'"(whsec_[^"]+)"', example)
    known: dict[str, Any] = {"body": received.body, "headers": received.headers}
    exec(example.replace(its_secret, secret), known)  # our own documentation
    message: dict[str, Any] = known["message"]
    return message


async def test_an_endpoint_hears_of_the_end_of_an_import_and_can_verify_it(sqlite_url: str, tmp_path: Path):
    """Signed; with what a GET of the import answers then. Another secret does not verify it."""
    async with receiving() as receiver:
        with (
            simulator(Rules(job_seconds=0.2, window_seconds=1)) as (marketo, _),
            service(
                *(tmp_path, sqlite_url, marketo), WEBHOOK_HTTP="on", WEBHOOK_NETWORKS="127.0.0.0/8", **QUICK
            ) as running,
        ):
            async with httpx.AsyncClient(base_url=running.url, timeout=patience.seconds()) as client:
                asked = {"url": receiver.url, "events": ["import.finished"]}
                webhook = (await client.post("/v1/webhooks", json=asked)).raise_for_status().json()
                sent = await client.post("/v1/imports", content=LEADS_WITH_TROUBLE)
                import_id = sent.raise_for_status().json()["id"]
                deadline = patience.Deadline()
                while not receiver.received and not deadline.is_over():
                    await asyncio.sleep(0.02)
                (heard,) = receiver.received
                message = verified(webhook["secret"], heard)
                assert (message["type"], message["data"]["id"]) == ("import.finished", import_id)
                assert message["data"] == (await client.get(f"/v1/imports/{import_id}")).json()
                with pytest.raises(WebhookVerificationError):
                    Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=").verify(heard.body, heard.headers)
                noted = f"/v1/webhooks/{webhook['id']}/deliveries"
                deadline = patience.Deadline()
                while not deadline.is_over():
                    (delivery,) = (await client.get(noted)).json()["items"]
                    if delivery["state"] == "delivered":
                        break
                    await asyncio.sleep(0.02)
                assert (delivery["state"], delivery["last_status"], delivery["import_id"]) == (
                    "delivered",
                    200,
                    import_id,
                )
