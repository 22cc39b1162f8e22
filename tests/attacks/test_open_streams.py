"""Streams without number, and streams whose key is revoked: 1,500 of one client slowed others to seven seconds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest

from app.api.app import create_app
from app.domain.api_keys import Scope
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.support.listener import Listener
from tests.support.stage import Stage, staged

OPEN, ASKED = 20, 60


@pytest.fixture
async def stage(sqlite_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    async with staged(sqlite_url, clock, auth="on", client_streams=OPEN) as found:
        yield found


async def key_of(stage: Stage, client: str) -> str:
    _, key = await stage.container.keys.create(client, list(Scope))
    return f"Bearer {key}"


async def test_a_flood_of_streams_ends_at_the_client_s_own_cap_and_with_its_key(stage: Stage):
    """By whichever of its keys it asks. Another client's stream is opened beside them, and stays."""
    app = create_app(stage.container)
    flood, again, other = await key_of(stage, "flood"), await key_of(stage, "flood"), await key_of(stage, "other")
    headers = {"Content-Type": "text/csv", "Authorization": other}
    import_id = int((await stage.api.post("/v1/imports", content=LEADS, headers=headers)).json()["id"])
    path = f"/v1/imports/{import_id}/events"

    def opened(key: str) -> Listener:
        return Listener(app, path, accept="text/event-stream", authorization=key)

    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(opened(flood)) for _ in range(OPEN)]
        assert all(await asyncio.gather(*[item.piece() for item in streams]))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as api:
            asked = {"Accept": "text/event-stream"}
            refused = [
                await api.get(path, headers=asked | {"Authorization": key}) for key in [flood, again] * (ASKED // 2)
            ]
        assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(429, "client_streams_full")}
        theirs = await stack.enter_async_context(opened(other))
        assert await theirs.piece()
        await stage.container.keys.revoke(flood.split("_")[1])
        stage.clock.step(2)
        await stage.api.post(f"/v1/imports/{import_id}/cancel", headers={"Authorization": other})
        for item in streams:
            told = [piece async for piece in pieces(item)]
            assert b"cancel" not in b"".join(told)
        assert await theirs.events()
    assert app.state.streams._open == {}


async def pieces(of: Listener) -> AsyncIterator[bytes]:
    while (piece := await of.piece()) is not None:
        yield piece
