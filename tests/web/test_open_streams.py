"""What stays open, and for how long: so much of one client, and as long as its key opens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from app.api.app import create_app
from app.domain.api_keys import Scope
from app.operations.api_keys import ApiKeys
from tests.story.files import LEADS, LEADS_WITH_TROUBLE
from tests.support.clock import SteppedClock
from tests.support.listener import SOON_SECONDS, Listener
from tests.support.stage import Stage, staged

OPEN = 2


@pytest.fixture
async def stage(sqlite_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    async with staged(sqlite_url, clock, auth="on", client_streams=OPEN) as found:
        yield found


async def key_of(stage: Stage, client: str = "crm", **more: Any) -> dict[str, str]:
    _, key = await stage.container.keys.create(client, list(Scope), **more)
    return {"Authorization": f"Bearer {key}"}


async def created(stage: Stage, key: dict[str, str], content: bytes = LEADS) -> int:
    headers = key | {"Content-Type": "text/csv"}
    return int((await stage.api.post("/v1/imports", content=content, headers=headers)).json()["id"])


def opened(app: Any, path: str, key: dict[str, str], accept: str = "text/event-stream") -> Listener:
    return Listener(app, path, accept=accept, authorization=key["Authorization"])


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(SOON_SECONDS):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_client_has_so_many_streams_and_waits_open_and_no_more(stage: Stage):
    """Another client has its own; what is closed makes room."""
    app, key, other = create_app(stage.container), await key_of(stage), await key_of(stage, "other")
    import_id = await created(stage, key)
    events, waiting = f"/v1/imports/{import_id}/events", f"/v1/imports/{import_id}?wait=60"
    async with AsyncExitStack() as stack:
        stream = await stack.enter_async_context(opened(app, events, key))
        await stream.piece()
        await stack.enter_async_context(opened(app, waiting, key))
        await until(lambda: app.state.streams._open["crm"] == OPEN)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as api:
            for path, accept in ((events, "text/event-stream"), (waiting, "*/*")):
                refused = await api.get(path, headers=key | {"Accept": accept})
                assert (refused.status_code, refused.json()["code"]) == (429, "client_streams_full")
                assert int(refused.headers["Retry-After"]) > 0
            assert (await api.get(f"/v1/imports/{import_id}", headers=key)).status_code == 200
        theirs = await stack.enter_async_context(opened(app, events, other))
        assert await theirs.piece()
        await stream.hang_up()
        again = await stack.enter_async_context(opened(app, events, key))
        assert await again.piece()
    assert app.state.streams._open == {}


async def test_a_download_counts_for_as_long_as_it_is_read(stage: Stage):
    """Whoever reads slowly has it open for long."""
    app, key = create_app(stage.container), await key_of(stage)
    import_id = await created(stage, key, LEADS_WITH_TROUBLE)
    while (await stage.api.get(f"/v1/imports/{import_id}", headers=key)).json()["status"] != "complete":
        await stage.beat()
        stage.clock.step(5)
    async with opened(app, f"/v1/imports/{import_id}/failures", key, "text/csv") as reading:
        await until(lambda: app.state.streams._open == {"crm": 1})
        assert await reading.piece()
    assert app.state.streams._open == {}


@pytest.mark.parametrize("how", ["revoked", "expired"])
async def test_a_stream_ends_when_its_key_opens_no_more(stage: Stage, how: str):
    """Nothing that happens later is told, and nothing has to happen for it to end."""
    soon = stage.clock() + timedelta(hours=1) if how == "expired" else None
    key, owner = await key_of(stage, expires_at=soon), await key_of(stage)
    import_id = await created(stage, owner)
    async with opened(create_app(stage.container), f"/v1/imports/{import_id}/events", key) as stream:
        assert await stream.event()
        if how == "revoked":
            await stage.container.keys.revoke(key["Authorization"].split("_")[1])
        stage.clock.step(3601 if how == "expired" else 2)
        await stage.api.post(f"/v1/imports/{import_id}/cancel", headers=owner)
        assert await stream.events() is None


async def test_a_stream_goes_on_while_the_database_is_away(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """Nobody can be asked about the key then."""
    key = await key_of(stage)
    import_id = await created(stage, key)
    async with opened(create_app(stage.container), f"/v1/imports/{import_id}/events", key) as stream:
        assert await stream.event()

        async def away(key_id: str) -> bool:
            raise OperationalError("", {}, Exception())

        monkeypatch.setattr(type(stage.container.keys), "still_opens", lambda _, key_id: away(key_id))
        stage.clock.step(2)
        await stage.api.post(f"/v1/imports/{import_id}/cancel", headers=key)
        assert await stream.events()


async def test_a_wait_is_not_answered_to_a_key_that_opens_no_more(stage: Stage):
    key, owner = await key_of(stage), await key_of(stage)
    import_id = await created(stage, owner)
    waiting = asyncio.create_task(stage.api.get(f"/v1/imports/{import_id}?wait=60", headers=key))
    await until(lambda: stage.container.subscriptions.subscribers)
    await stage.container.keys.revoke(key["Authorization"].split("_")[1])
    stage.clock.step(2)
    await stage.api.post(f"/v1/imports/{import_id}/cancel", headers=owner)
    answer = await waiting
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


async def test_however_many_streams_ask_the_database_is_asked_once_a_second(stage: Stage):
    key_id = (await key_of(stage))["Authorization"].split("_")[1]
    keys = stage.container.keys
    assert await keys.still_opens(key_id)
    await ApiKeys(keys.db, stage.clock).revoke(key_id)  # by another process
    assert await keys.still_opens(key_id)
    stage.clock.step(1)
    assert not await keys.still_opens(key_id)
    assert not await keys.still_opens("no-such-key")
