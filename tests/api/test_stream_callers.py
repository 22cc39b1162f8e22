"""Tokens by which a browser follows one import: what they open, and all that they do not."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest
from httpx_sse import aconnect_sse

from app.api.app import create_app
from app.domain.api_keys import Scope
from tests.api.problem_answers import is_problem
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.support.listener import SOON_SECONDS, Listener
from tests.support.logged import Log, log
from tests.support.stage import Stage, staged

__all__ = ["log"]

STREAM = {"Accept": "text/event-stream"}
Key = dict[str, str]


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    async with staged(database_url, clock, auth="on") as found:
        yield found


async def key_of(stage: Stage, client: str = "crm", *scopes: Scope, lasting_seconds: float | None = None) -> Key:
    until = stage.clock() + timedelta(seconds=lasting_seconds) if lasting_seconds else None
    _, text = await stage.container.keys.create(client, scopes or [Scope.SUBMIT], expires_at=until)
    return {"Authorization": f"Bearer {text}"}


async def cancelled_import(stage: Stage, key: Key) -> int:
    """One that is finished, so that its stream ends."""
    answer = await stage.api.post("/v1/imports", content=LEADS, headers=key | {"Content-Type": "text/csv"})
    assert (await stage.api.post(f"/v1/imports/{answer.json()['id']}/cancel", headers=key)).status_code == 202
    return int(answer.json()["id"])


async def token_of(stage: Stage, key: Key, import_id: int) -> str:
    answer = await stage.api.post(f"/v1/imports/{import_id}/stream-token", headers=key)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


async def follow(stage: Stage, import_id: int, token: str, **headers: str) -> httpx.Response:
    async with asyncio.timeout(SOON_SECONDS):
        path = f"/v1/imports/{import_id}/events"
        return await stage.api.get(path, params={"stream_token": token}, headers=STREAM | headers)


async def test_a_token_opens_the_stream_of_its_import_for_a_minute(stage: Stage, clock: SteppedClock):
    """As often as a browser connects again, at every process that has the database; and not a second longer."""
    key = await key_of(stage)
    import_id = await cancelled_import(stage, key)
    answer = await stage.api.post(f"/v1/imports/{import_id}/stream-token", headers=key)
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"token", "expires_at"}
    assert datetime.fromisoformat(body["expires_at"]) == clock() + timedelta(seconds=60)
    url = f"/v1/imports/{import_id}/events?stream_token={body['token']}"
    clock.step(59)
    for _ in range(2):
        async with aconnect_sse(stage.api, "GET", url) as source:
            types = [message.json()["type"] async for message in source.aiter_sse()]
        assert types[-1] == "finished"
    clock.step(1)
    problem = is_problem(await stage.api.get(url, headers=STREAM), 401, "unauthorized")
    assert "POST /v1/imports/{id}/stream-token" in problem["detail"]


async def test_a_token_opens_nothing_else(stage: Stage):
    """Neither another import's stream nor another request about its own, in a query or in a header."""
    key = await key_of(stage)
    import_id, other = await cancelled_import(stage, key), await cancelled_import(stage, key)
    token = await token_of(stage, key, import_id)
    is_problem(await follow(stage, other, token), 401, "unauthorized")
    for path in ("", "/parts", "/failures", "/failures.csv", "/events"):
        answer = await stage.api.get(f"/v1/imports/{import_id}{path}", params={"stream_token": token})
        is_problem(answer, 401, "unauthorized")
    for path in ("/v1/imports", "/v1/status", f"/v1/imports/{import_id}/events"):
        answer = await stage.api.get(path, headers=STREAM | {"Authorization": f"Bearer {token}"})
        is_problem(answer, 401, "unauthorized")
    for path in ("cancel", "retry", "stream-token"):
        answer = await stage.api.post(f"/v1/imports/{import_id}/{path}", params={"stream_token": token})
        is_problem(answer, 401, "unauthorized")
    marketos = await stage.api.get(f"/bulk/v1/leads/batch/{import_id}.json", params={"access_token": token})
    assert marketos.json()["errors"][0]["code"] == "601"
    for wrong in (token[:-1], token.upper(), "", "\x00", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")):
        is_problem(await follow(stage, import_id, wrong), 401, "unauthorized")


async def test_a_token_goes_with_its_key(stage: Stage):
    """Revoked, it opens nothing; and what it has opened ends."""
    owner, key = await key_of(stage), await key_of(stage)
    answer = await stage.api.post("/v1/imports", content=LEADS, headers=owner | {"Content-Type": "text/csv"})
    import_id = answer.json()["id"]
    token = await token_of(stage, key, import_id)
    path = f"/v1/imports/{import_id}/events?stream_token={token}"
    async with Listener(create_app(stage.container), path, accept="text/event-stream") as stream:
        assert (await stream.event())["type"] == "accepted"
        await stage.container.keys.revoke(key["Authorization"].split("_")[1])
        stage.clock.step(2)
        await stage.api.post(f"/v1/imports/{import_id}/cancel", headers=owner)
        assert await stream.events() is None
    is_problem(await follow(stage, import_id, token), 401, "unauthorized")


async def test_a_token_ends_no_later_than_its_key(stage: Stage, clock: SteppedClock):
    """Its answer says so."""
    key = await key_of(stage, lasting_seconds=10)
    import_id = await cancelled_import(stage, key)
    answer = await stage.api.post(f"/v1/imports/{import_id}/stream-token", headers=key)
    assert datetime.fromisoformat(answer.json()["expires_at"]) == clock() + timedelta(seconds=10)
    clock.step(10)
    is_problem(await follow(stage, import_id, answer.json()["token"]), 401, "unauthorized")


async def test_who_may_not_see_an_import_gets_no_token_for_it(stage: Stage):
    """For them it is not there."""
    import_id = await cancelled_import(stage, await key_of(stage))
    answer = await stage.api.post(f"/v1/imports/{import_id}/stream-token", headers=await key_of(stage, "shop"))
    is_problem(answer, 404, "not_found")


@pytest.mark.parametrize("name", ["stream_token", "api_key", "label"])
@pytest.mark.parametrize("path", ["/v1/imports", "/v1/imports/{}/events", "/v1/status"])
@pytest.mark.parametrize("beside", [True, False])
async def test_a_key_in_a_url_is_refused_with_a_sentence(stage: Stage, path: str, name: str, beside: bool):
    """Under whichever name, also beside a good one in the header: else it would be put there again."""
    key = await key_of(stage)
    text = key["Authorization"].removeprefix("Bearer ")
    import_id = await cancelled_import(stage, key)
    answer = await stage.api.get(path.format(import_id), params={name: text}, headers=STREAM | (key if beside else {}))
    problem = is_problem(answer, 401, "unauthorized")
    assert "An API key stands in this URL" in problem["detail"]
    assert text not in answer.text


async def test_neither_a_token_nor_a_key_in_a_url_is_logged(stage: Stage, log: Log):
    """SECRETS_STAY_IN: whatever the answer."""
    key = await key_of(stage)
    text = key["Authorization"].removeprefix("Bearer ")
    import_id = await cancelled_import(stage, key)
    token = await token_of(stage, key, import_id)
    for wanted in (token, token[:-1], text):
        await follow(stage, import_id, wanted)
        await stage.api.get(f"/v1/imports/{import_id}/nowhere", params={"stream_token": wanted})
    assert f"/v1/imports/{import_id}/events" in log.text, "the requests were logged"
    assert token[:-1] not in log.text
    assert text.rpartition("_")[2] not in log.text


async def test_a_service_without_keys_takes_a_token_too(sqlite_url: str, clock: SteppedClock):
    """So that a page need not know which of them it speaks to."""
    async with staged(sqlite_url, clock) as stage:
        import_id = await stage.created(LEADS)
        await stage.run()
        token = await token_of(stage, {}, import_id)
        assert "finished" in (await follow(stage, import_id, token)).text
