"""Who may call, and what: every route for every kind of key."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fastapi.routing import APIRoute

from app.api.app import create_app
from app.api.openapi.answers import operations
from app.domain.api_keys import Caller, Scope
from app.domain.webhooks import WebhookEvent
from tests.story.files import LEADS, leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged
from tests.support.tiers import chosen

OWN, OTHERS = "crm-sync", "web-shop"


KEYS = ("submit", "read", "operate", "submit+read", "another's submit", "admin")


ROUTES = {  # what each of these keys is answered, about an import of crm-sync
    ("POST", "/v1/imports"): (202, 403, 403, 202, 202, 202),
    ("POST", "/v1/checks"): (200, 403, 403, 200, 200, 200),
    ("GET", "/v1/imports"): (200, 200, 200, 200, 200, 200),
    ("GET", "/v1/imports/{import_id}"): (200, 200, 200, 200, 404, 200),
    ("GET", "/v1/imports/{import_id}/parts"): (200, 200, 200, 200, 404, 200),
    ("GET", "/v1/imports/{import_id}/events"): (200, 200, 200, 200, 404, 200),
    ("POST", "/v1/imports/{import_id}/stream-token"): (200, 200, 200, 200, 404, 200),
    ("GET", "/v1/imports/{import_id}/failures"): (200, 200, 200, 200, 404, 200),
    ("GET", "/v1/imports/{import_id}/warnings"): (200, 200, 200, 200, 404, 200),
    ("GET", "/v1/imports/{import_id}/failures.csv"): (200, 200, 200, 200, 404, 200),
    ("GET", "/v1/imports/{import_id}/warnings.csv"): (200, 200, 200, 200, 404, 200),
    ("GET", "/v1/imports/{import_id}/failures/reasons"): (200, 200, 200, 200, 404, 200),
    ("GET", "/v1/imports/{import_id}/warnings/reasons"): (200, 200, 200, 200, 404, 200),
    ("PATCH", "/v1/imports/{import_id}"): (200, 403, 200, 200, 404, 200),
    ("DELETE", "/v1/imports/{import_id}"): (409, 403, 409, 409, 404, 409),
    ("POST", "/v1/imports/{import_id}/cancel"): (202, 403, 202, 202, 404, 202),
    ("POST", "/v1/imports/{import_id}/release"): (409, 403, 409, 409, 404, 409),
    ("POST", "/v1/imports/{import_id}/retry"): (409, 403, 409, 409, 404, 409),
    ("POST", "/v1/imports/{import_id}/retry-failures"): (409, 403, 409, 409, 404, 409),
    ("POST", "/v1/imports/{import_id}/parts/{number}/resolve"): (403, 403, 409, 403, 403, 409),
    ("GET", "/v1/instances"): (200, 200, 200, 200, 200, 200),
    ("GET", "/v1/instances/{name}"): (200, 200, 200, 200, 200, 200),
    ("GET", "/v1/instances/{name}/events"): (403, 200, 200, 200, 403, 200),
    ("GET", "/v1/instances/{name}/jobs"): (403, 200, 200, 200, 403, 200),
    ("POST", "/v1/instances/{name}/pause"): (403, 403, 200, 403, 403, 200),
    ("POST", "/v1/instances/{name}/resume"): (403, 403, 200, 403, 403, 200),
    ("GET", "/v1/status"): (403, 200, 200, 200, 403, 200),
    ("GET", "/v1/keys"): (403, 403, 403, 403, 403, 200),
    ("POST", "/v1/keys"): (403, 403, 403, 403, 403, 201),
    ("DELETE", "/v1/keys/{key_id}"): (403, 403, 403, 403, 403, 404),
    ("GET", "/v1/webhooks"): (200, 403, 403, 200, 200, 200),
    ("POST", "/v1/webhooks"): (201, 403, 403, 201, 201, 201),
    ("GET", "/v1/webhooks/{webhook_id}"): (200, 403, 403, 200, 404, 200),
    ("PATCH", "/v1/webhooks/{webhook_id}"): (200, 403, 403, 200, 404, 200),
    ("DELETE", "/v1/webhooks/{webhook_id}"): (204, 403, 403, 204, 404, 204),
    ("POST", "/v1/webhooks/{webhook_id}/secret"): (200, 403, 403, 200, 404, 200),
    ("POST", "/v1/webhooks/{webhook_id}/test"): (202, 403, 403, 202, 404, 202),
    ("GET", "/v1/webhooks/{webhook_id}/deliveries"): (200, 403, 403, 200, 404, 200),
    ("POST", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver"): (409, 403, 403, 409, 404, 409),
}


OPEN = {"/livez", "/readyz", "/metrics", "/docs", "/docs/oauth2-redirect", "/openapi.json"} | {
    "/problems/",
    "/problems/{name}",
}


BODIES = {
    "/v1/imports/{import_id}": b'{"priority": 7}',
    "/v1/imports": LEADS,
    "/v1/checks": LEADS,
    "/v1/webhooks": b'{"url": "https://192.0.2.1/hook", "events": ["import.finished"]}',
    "/v1/webhooks/{webhook_id}": b'{"enabled": true}',
    "/v1/keys": b'{"client": "a", "scopes": ["read"]}',
    "/v1/imports/{import_id}/parts/{number}/resolve": b'{"outcome": "resubmit"}',
}


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """One that asks for keys."""
    async with staged(database_url, clock, auth="on") as found:
        yield found


async def key(stage: Stage, *scopes: Scope, client: str = OWN, seconds: float | None = None) -> str:
    expires_at = stage.clock() + timedelta(seconds=seconds) if seconds else None
    return (await stage.container.keys.create(client, scopes, expires_at=expires_at))[1]


def bearing(written: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {written}"}


async def made(stage: Stage, written: str, content: bytes = LEADS) -> int:
    answer = await stage.api.post("/v1/imports", content=content, headers=bearing(written))
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


@pytest.mark.parametrize(
    ("place", "statuses"), chosen(ROUTES.items(), *list(ROUTES.items())[::3]), ids=[" ".join(place) for place in ROUTES]
)
async def test_each_key_gets_what_its_scopes_say(stage: Stage, place: tuple[str, str], statuses: tuple[int, ...]):
    """And another client's import does not exist for a key that may not read."""
    method, path = place
    owner = await key(stage, Scope.SUBMIT)
    keys = [
        owner,
        await key(stage, Scope.READ, client="monitor"),
        await key(stage, Scope.OPERATE, client="desk"),
        await key(stage, Scope.SUBMIT, Scope.READ),
        await key(stage, Scope.SUBMIT, client=OTHERS),
        await key(stage, Scope.ADMIN, client="boss"),
    ]
    found = []
    for one in keys:
        hook = await a_webhook_with_a_delivery(stage) if "webhook" in path else {}
        url = path.format(import_id=await made(stage, owner), number=1, name="default", key_id="0f3a5c7e9b1d", **hook)
        is_json = BODIES.get(path, b"").startswith(b"{")
        headers = bearing(one) | ({"Content-Type": "application/json"} if is_json else {})
        found.append((await stage.api.request(method, url, content=BODIES.get(path), headers=headers)).status_code)
    assert dict(zip(KEYS, found, strict=True)) == dict(zip(KEYS, statuses, strict=True))
    for bad in ({}, bearing("slc_0_0"), bearing(owner[:-1]), {"Authorization": "Basic YTpi"}):
        answer = await stage.api.request(method, url, content=BODIES.get(path), headers=bad)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"] == "unauthorized"


async def a_webhook_with_a_delivery(stage: Stage) -> dict[str, int]:
    """One of the client whose the import is; the delivery waits."""
    owner = Caller(OWN, frozenset({Scope.SUBMIT}))
    url, events = "https://192.0.2.1/hook", [WebhookEvent.IMPORT_FINISHED]
    webhook, _ = await stage.container.webhooks.add(owner, url=url, events=events, description=None)
    delivery = await stage.container.webhooks.test(webhook.id, owner)
    return {"webhook_id": webhook.id, "delivery_id": delivery.id}


def test_every_route_is_in_the_table(stage_free_routes: set[tuple[str, str]]):
    """A new one without a line is red."""
    assert stage_free_routes == set(ROUTES)


@pytest.fixture
def stage_free_routes(stage: Stage) -> set[tuple[str, str]]:
    app = create_app(stage.container)
    asked = [(method, path) for method, path, one in operations(app.openapi()) if one["tags"] != ["marketo"]]
    found = {(method, path) for method, path in asked if path not in OPEN}
    assert found
    assert {route.path for route in app.routes if isinstance(route, APIRoute)} <= {path for _, path in found} | OPEN
    return found


async def test_a_list_shows_a_client_its_own(stage: Stage):
    """Whoever may read sees everyone's, and can ask for one client's."""
    ours, theirs = await key(stage, Scope.SUBMIT), await key(stage, Scope.SUBMIT, client=OTHERS)
    reader = await key(stage, Scope.READ, client="monitor")
    first, second = await made(stage, ours), await made(stage, theirs)

    async def listed(written: str, **filters: str) -> list[int]:
        answer = await stage.api.get("/v1/imports", headers=bearing(written), params=filters)
        return [item["id"] for item in answer.json()["items"]]

    assert await listed(ours) == [first]
    assert await listed(ours, client=OTHERS) == []
    assert await listed(reader) == [second, first]
    assert await listed(reader, client=OTHERS) == [second]
    assert (await stage.api.get(f"/v1/imports/{first}", headers=bearing(reader))).json()["client"] == OWN


async def test_a_key_dies_by_time_and_by_hand(stage: Stage):
    """Its last use is noted, to the minute; what the database keeps would open nothing."""
    short, long = await key(stage, Scope.READ, seconds=60), await key(stage, Scope.READ)
    assert (await stage.api.get("/v1/imports", headers=bearing(short))).status_code == 200
    stage.clock.step(60)
    assert (await stage.api.get("/v1/imports", headers=bearing(short))).status_code == 401
    assert (await stage.api.get("/v1/imports", headers=bearing(long))).status_code == 200
    stage.clock.step(30)
    assert (await stage.api.get("/v1/imports", headers=bearing(long))).status_code == 200
    kept = {item.id: item for item in await stage.container.keys.everyone()}
    used = kept[long.split("_")[1]]
    assert used.last_used_at == stage.clock() - timedelta(seconds=30)
    assert long.split("_")[2] not in repr(kept)
    await stage.container.keys.revoke(used.id)
    assert (await stage.api.get("/v1/imports", headers=bearing(long))).status_code == 401


async def test_who_decided_is_in_the_history(stage: Stage):
    """An operator retries for the client whose import it is."""
    owner, desk = await key(stage, Scope.SUBMIT), await key(stage, Scope.OPERATE, client="desk")
    first = await made(stage, owner)
    assert (await stage.api.post(f"/v1/imports/{first}/cancel", headers=bearing(desk))).status_code == 202
    again = (await stage.api.post(f"/v1/imports/{first}/retry", headers=bearing(desk))).json()
    assert (again["client"], again["retry_of"]) == (OWN, first)
    history = (await stage.api.get(f"/v1/imports/{first}/events", headers=bearing(owner))).json()["items"]
    assert {e["type"]: e["data"].get("by") for e in history if "by" in e["data"]} == {
        "cancel_requested": "desk",
        "cancel": "desk",
        "retried": "desk",
    }


async def test_a_client_that_asks_too_often_is_told_when_to_come_back(database_url: str, clock: SteppedClock):
    """Others are not touched by it."""
    async with staged(database_url, clock, auth="on", client_requests_per_minute=6) as stage:
        ours, theirs = await key(stage, Scope.READ), await key(stage, Scope.READ, client=OTHERS)
        answers = [await stage.api.get("/v1/imports", headers=bearing(ours)) for _ in range(7)]
        assert [answer.status_code for answer in answers] == [200] * 6 + [429]
        assert (answers[-1].json()["code"], answers[-1].headers["retry-after"]) == ("too_many_requests", "10")
        assert (await stage.api.get("/v1/imports", headers=bearing(theirs))).status_code == 200
        stage.clock.step(10)
        assert (await stage.api.get("/v1/imports", headers=bearing(ours))).status_code == 200


async def test_a_client_whose_backlog_is_full_waits_and_others_do_not(database_url: str, clock: SteppedClock):
    """Parts that wait are counted, not those at Marketo."""
    async with staged(database_url, clock, auth="on", client_backlog_parts=2) as stage:
        ours, theirs = await key(stage, Scope.SUBMIT), await key(stage, Scope.SUBMIT, client=OTHERS)
        for n in range(2):
            await made(stage, ours, leads(1, start=n))
        answer = await stage.api.post("/v1/imports", content=leads(1, start=9), headers=bearing(ours))
        assert (answer.status_code, answer.json()["code"]) == (429, "client_backlog_full")
        assert "2 of 2" in answer.json()["detail"]
        assert answer.headers["retry-after"]
        await made(stage, theirs)
        await stage.beat()
        await made(stage, ours, leads(1, start=9))


async def test_without_keys_only_the_limit_of_all_holds(database_url: str, clock: SteppedClock):
    """Whoever asks is the client `local`: it is everybody, and no part of them."""
    async with staged(database_url, clock, backlog_parts=3, client_backlog_parts=1) as stage:
        for n in range(3):
            await stage.created(leads(1, start=n))
        answer = await stage.create(leads(1, start=9))
        assert (answer.status_code, answer.json()["code"]) == (429, "backlog_full")
        assert "3 of 3" in answer.json()["detail"]


async def test_a_request_without_a_key_says_what_to_do(stage: Stage):
    """Before anything else is looked at."""
    answer = await stage.api.post("/v1/imports", content=b"", params={"formatt": "x"})
    assert answer.status_code == 401
    assert "sluice keys create" in answer.json()["detail"]
