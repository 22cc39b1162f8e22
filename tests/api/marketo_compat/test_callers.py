"""Who may call on Marketo's paths: tokens for the id and secret of an API key."""

import hashlib
from datetime import timedelta

import pytest

from tests.api.marketo_compat.calls import (
    GRANT,
    create,
    created,
    pair,
    refused,
    result,
    status,
    token,
)
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


async def test_a_keys_id_and_secret_get_a_token(stage: Stage):
    """In the query of either method, or as a form; the answer has what Marketo's has."""
    known = GRANT | await pair(stage)
    for answer in (
        await stage.api.get("/identity/oauth/token", params=known),
        await stage.api.post("/identity/oauth/token", params=known),
        await stage.api.post("/identity/oauth/token", data=known),
    ):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json()
        assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
        assert (body["token_type"], body["expires_in"], body["scope"]) == ("bearer", 3600, "crm-sync")
        assert known["client_secret"] not in body["access_token"]
        assert (await create(stage, body["access_token"])).json()["success"]


@pytest.mark.parametrize("wrong", ["client_id", "client_secret"])
async def test_wrong_credentials_get_none(stage: Stage, wrong: str):
    """HTTP 401 in OAuth's words, as Marketo's identity service says it."""
    answer = await stage.api.get("/identity/oauth/token", params=GRANT | await pair(stage) | {wrong: "0"})
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client", "error_description": "Bad client credentials"}
    answer = await stage.api.get("/identity/oauth/token", params=await pair(stage))
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


async def test_credentials_that_cannot_be_any_get_none(stage: Stage):
    """Nor does one half of them, or what no database can hold."""
    known = await pair(stage)
    for odd in ({"client_id": "\0"}, {"client_secret": "\0"}, {"client_id": ""}, {"client_secret": ""}):
        answer = await stage.api.get("/identity/oauth/token", params=GRANT | known | odd)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), odd


async def test_a_token_lives_an_hour_and_dies_with_its_key(stage: Stage):
    """A revocation works at once."""
    short = await pair(stage, expires_at=stage.clock() + timedelta(minutes=5))
    body = (await stage.api.get("/identity/oauth/token", params=GRANT | short)).json()
    assert body["expires_in"] == 300
    sent = await token(stage)
    batch = await created(stage, sent)
    stage.clock.step(3599)
    assert result(await status(stage, sent, batch))["status"] == "Queued"
    refused(await status(stage, body["access_token"], batch), "601")
    stage.clock.step(1)
    refused(await status(stage, sent, batch), "602", says="Access token expired")
    refused(await create(stage, sent), "602")
    fresh = await pair(stage)
    sent = (await stage.api.get("/identity/oauth/token", params=GRANT | fresh)).json()["access_token"]
    assert (await status(stage, sent, batch)).json()["success"]
    await stage.container.keys.revoke(fresh["client_id"])
    refused(await status(stage, sent, batch), "601", says="Access token invalid")


async def test_who_asks_again_soon_gets_the_same_token_with_the_time_that_it_has_left(stage: Stage):
    """As Marketo does it; and never one that has less than half an hour."""
    known = GRANT | await pair(stage)

    async def asked() -> tuple[str, int]:
        body = (await stage.api.get("/identity/oauth/token", params=known)).json()
        return body["access_token"], body["expires_in"]

    first, seconds = await asked()
    stage.clock.step(1800)
    assert (await asked(), seconds) == ((first, 1800), 3600)
    stage.clock.step(1)
    second, seconds = await asked()
    assert (second != first, seconds) == (True, 3600)
    batch = await created(stage, first)
    assert (await status(stage, second, batch)).json()["success"]


async def test_a_token_that_was_never_given_out_is_none(stage: Stage):
    """Nor one that was changed; a key itself is no token, nor is what is kept of one."""
    known = await pair(stage)
    sent = (await stage.api.get("/identity/oauth/token", params=GRANT | known)).json()["access_token"]
    kept = hashlib.sha256(sent.encode()).hexdigest()
    bad = (
        sent[:-1],
        f"{sent} ",
        f"{sent}0",
        sent.upper(),
        kept,
        f"{known['client_id']}.{int(stage.clock().timestamp()) + 600}.{kept}",
        f"slc_{known['client_id']}_{known['client_secret']}",
        "\0",
        "٣",
        ".",
    )
    for one in bad:
        refused(await stage.api.get("/bulk/v1/leads/batch/1.json", params={"access_token": one}), "601")
    refused(await stage.api.get("/bulk/v1/leads/batch/1.json"), "600", says="Empty access token")
    answer = await stage.api.post("/bulk/v1/leads.json", content=LEADS, headers={"Content-Type": "text/csv"})
    refused(answer, "600")
    assert answer.headers["connection"] == "close"
    assert await stage.holds_nothing()


async def test_a_client_that_asks_too_often_hears_606(database_url: str, clock: SteppedClock):
    async with staged(database_url, clock, auth="on", client_requests_per_minute=2) as stage:
        sent = await token(stage)
        batch = await created(stage, sent)
        assert (await status(stage, sent, batch)).json()["success"]
        refused(await status(stage, sent, batch), "606", says="Max rate limit")


async def test_without_keys_any_credentials_do_on_this_machine_only(database_url: str, clock: SteppedClock):
    """As everywhere with SLUICE_AUTH=off."""
    async with staged(database_url, clock) as stage:
        known = GRANT | {"client_id": "any", "client_secret": "thing"}
        body = (await stage.api.get("/identity/oauth/token", params=known)).json()
        assert (body["scope"], body["expires_in"]) == ("local", 3600)
        assert result(await create(stage, body["access_token"]))["status"] == "Queued"
        for half in ("client_id", "client_secret"):
            answer = await stage.api.get("/identity/oauth/token", params=GRANT | {half: "any"})
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        answer = await stage.api.get(
            "/identity/oauth/token", params=known, headers={"Origin": "https://evil.example.com"}
        )
        assert answer.status_code == 403
