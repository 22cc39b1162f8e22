"""Keys over the API: made, listed and revoked by whoever has the scope `admin`."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app.clock import rfc3339
from app.domain.api_keys import Scope
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    async with staged(database_url, clock, auth="on") as found:
        _, written = await found.container.keys.create("boss", [Scope.ADMIN])
        found.api.headers["Authorization"] = f"Bearer {written}"
        yield found


def bearing(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_a_key_is_made_listed_and_revoked(stage: Stage):
    """It opens until it is revoked; its secret is in the one answer and in no other."""
    expires_at = rfc3339(stage.clock() + timedelta(days=1))
    asked = {"client": " crm-sync ", "scopes": ["read", "submit", "read"], "expires_at": expires_at, "max_priority": 0}
    answer = await stage.api.post("/v1/keys", json=asked)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    key = made.pop("key")
    assert made == {
        "id": key.split("_")[1],
        "client": "crm-sync",
        "scopes": ["submit", "read"],
        "max_priority": 0,
        "created_at": rfc3339(stage.clock()),
        "expires_at": expires_at,
        "revoked_at": None,
        "last_used_at": None,
    }
    assert (await stage.api.get("/v1/imports", headers=bearing(key))).status_code == 200
    listed = await stage.api.get("/v1/keys")
    assert {item["client"]: item["max_priority"] for item in listed.json()["items"]} == {"boss": 9, "crm-sync": 0}
    assert key.split("_")[2] not in listed.text
    assert (await stage.api.delete(f"/v1/keys/{made['id']}")).status_code == 204
    assert (await stage.api.delete(f"/v1/keys/{made['id']}")).status_code == 204
    assert (await stage.api.get("/v1/imports", headers=bearing(key))).status_code == 401


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"scopes": ["read"]}, "client"),
        ({"client": "\t ", "scopes": ["read"]}, "client"),
        ({"client": "a\0", "scopes": ["read"]}, "client"),
        ({"client": "a", "scopes": []}, "scopes"),
        ({"client": "a", "scopes": ["all"]}, "scopes"),
        ({"client": "a", "scopes": ["read"], "max_priority": 10}, "max_priority"),
        ({"client": "a", "scopes": ["read"], "expires_at": "2026-11-23T00:00:00"}, "expires_at"),
        ({"client": "a", "scopes": ["read"], "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"client": "a", "scopes": ["read"], "secret": "x"}, "secret"),
    ],
)
@pytest.mark.one_database
async def test_a_key_that_cannot_be_made_is_refused(stage: Stage, asked: dict[str, Any], field: str):
    """With the field that is wrong; nothing is kept."""
    answer = await stage.api.post("/v1/keys", json=asked)
    assert answer.status_code == 422, answer.text
    assert field in answer.text
    assert [key.client for key in await stage.container.keys.everyone()] == ["boss"]


async def test_an_unknown_key_cannot_be_revoked(stage: Stage):
    """A NUL is in no id, on no database."""
    for key_id in ("0f3a5c7e9b1d", "%00"):
        answer = await stage.api.delete(f"/v1/keys/{key_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
