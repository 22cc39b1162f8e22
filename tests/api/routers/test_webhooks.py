"""/v1/webhooks: endpoints as their clients make, change and remove them. What they are sent: tests/webhooks."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.domain.api_keys import Scope
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

HOOK = {"url": "https://192.0.2.1/hook", "events": ["import.finished"]}


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """One that asks for keys."""
    async with staged(database_url, clock, auth="on") as found:
        yield found


async def caller(stage: Stage, client: str, scope: Scope = Scope.SUBMIT) -> dict[str, str]:
    return {"Authorization": f"Bearer {(await stage.container.keys.create(client, [scope]))[1]}"}


async def add(stage: Stage, headers: dict[str, str], **values: Any) -> httpx.Response:
    return await stage.api.post("/v1/webhooks", json=HOOK | values, headers=headers)


async def test_an_endpoint_is_its_clients_and_shows_its_secret_once(stage: Stage):
    """To another client it does not exist; `admin` sees all, and its own hear of everybody."""
    crm, shop = await caller(stage, "crm"), await caller(stage, "shop")
    boss = await caller(stage, "boss", Scope.ADMIN)
    made = await add(stage, crm, description="CRM sync")
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    webhook = made.json()
    secret = webhook.pop("secret")
    assert secret.startswith("whsec_")
    assert len(secret) > 40
    here = made.headers["location"]
    assert here == f"/v1/webhooks/{webhook['id']}"
    assert (await stage.api.get(here, headers=crm)).json() == webhook
    assert webhook["client"] == "crm"
    assert (await stage.api.get(here, headers=shop)).json()["code"] == "not_found"
    every = (await add(stage, boss)).json()
    assert every["client"] is None

    async def listed(headers: dict[str, str]) -> list[int]:
        answer = await stage.api.get("/v1/webhooks", headers=headers)
        assert secret not in answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert await listed(crm) == [webhook["id"]]
    assert await listed(shop) == []
    assert await listed(boss) == [webhook["id"], every["id"]]
    assert (await stage.api.get(here, headers=boss)).status_code == 200


async def test_an_endpoint_is_changed_switched_off_and_on_and_removed(stage: Stage):
    """What is left out stays; a description that is null is taken away."""
    crm = await caller(stage, "crm")
    here = (await add(stage, crm, description="old")).headers["location"]

    async def patched(**changes: Any) -> dict[str, Any]:
        answer = await stage.api.patch(here, json=changes, headers=crm)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert (await patched(events=["instance.state", "import.finished"]))["events"] == [
        "import.finished",
        "instance.state",
    ]
    off = await patched(enabled=False)
    assert (off["enabled"], off["off_reason"], off["off_since"] is not None) == (False, None, True)
    assert (await patched())["description"] == "old"
    on = await patched(enabled=True, url="https://192.0.2.2/", description=None)
    assert (on["enabled"], on["off_since"], on["url"], on["description"]) == (True, None, "https://192.0.2.2/", None)
    assert (await stage.api.delete(here, headers=crm)).status_code == 204
    for method in ("GET", "DELETE"):
        assert (await stage.api.request(method, here, headers=crm)).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "http://hooks.example.com/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"events": []}, "events"),
        ({"events": ["import.begun"]}, "events.0"),
        ({"secret": "mine"}, "secret"),
        ({"description": "x" * 201}, "description"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_field(stage: Stage, wrong: dict[str, Any], field: str):
    """Nothing is made, and an endpoint that is there stays as it was."""
    crm = await caller(stage, "crm")
    here = (await add(stage, crm)).headers["location"]
    before = (await stage.api.get(here, headers=crm)).json()
    for answer in (await add(stage, crm, **wrong), await stage.api.patch(here, json=wrong, headers=crm)):
        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await stage.api.get("/v1/webhooks", headers=crm)).json()["items"] == [before]


async def test_a_client_has_twenty_endpoints_at_most(stage: Stage):
    """Each holds connections, and is looked at by every commit that has news."""
    crm, shop = await caller(stage, "crm"), await caller(stage, "shop")
    for _ in range(20):
        assert (await add(stage, crm)).status_code == 201
    refused = await add(stage, crm)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_webhooks")
    assert (await add(stage, shop)).status_code == 201


async def test_a_test_waits_to_be_sent_and_cannot_be_sent_again_before(stage: Stage):
    """Deliveries are listed newest first; another endpoint's are not found here."""
    crm = await caller(stage, "crm")
    here, other = [(await add(stage, crm)).headers["location"] for _ in range(2)]
    sent = [(await stage.api.post(f"{here}/test", headers=crm)).json() for _ in range(3)]
    first = await stage.api.get(f"{here}/deliveries", params={"page_size": 2}, headers=crm)
    assert first.json()["items"] == [sent[2], sent[1]]
    rest = await stage.api.get(
        f"{here}/deliveries", params={"page_token": first.json()["next_page_token"]}, headers=crm
    )
    assert rest.json() == {"items": [sent[0]], "next_page_token": None}
    assert (sent[0]["event"], sent[0]["state"], sent[0]["attempts"]) == ("webhook.test", "waiting", 0)
    again = await stage.api.post(f"{here}/deliveries/{sent[0]['id']}/redeliver", headers=crm)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    for path in (f"{other}/deliveries/{sent[0]['id']}", f"{here}/deliveries/9999", f"{here}/deliveries/x"):
        assert (await stage.api.post(f"{path}/redeliver", headers=crm)).status_code == 404
