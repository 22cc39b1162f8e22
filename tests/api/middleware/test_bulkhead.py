"""However many requests one client sends at once, another one's does not wait behind them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.api.middleware import bulkhead
from app.api.middleware.bulkhead import Bulkhead
from app.domain.api_keys import Caller, Scope

KEYS = {"aaa": "crm-sync", "bbb": "crm-sync", "ccc": "web-shop"}  # by their ids


class Application:
    """Notes who is worked on, and works until it is told to stop. `/waits`: leaves the bulkhead."""

    def __init__(self) -> None:
        self.working: list[str] = []
        self.done = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        key_id = bulkhead._key_id(scope)
        if key_id in KEYS:
            scope["state"]["caller"] = Caller(KEYS[key_id], frozenset(Scope))
        if scope["path"] == "/waits":
            scope["state"]["work"].end()
        self.working.append(f"{key_id}{scope['path']}")
        await self.done.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/streams":
            await asyncio.Event().wait()


@asynccontextmanager
async def asked(app: Bulkhead, *requests: str) -> AsyncIterator[list[asyncio.Task[None]]]:
    """All at once: a key's id and a path each."""

    async def send(message: Any) -> None:
        pass

    def scope(request: str) -> dict[str, Any]:
        key_id, _, path = request.partition("/")
        headers = [(b"authorization", f"Bearer slc_{key_id}_secret".encode())] if key_id else []
        return {"type": "http", "method": "GET", "path": f"/{path}", "query_string": b"", "headers": headers}

    tasks = [asyncio.create_task(app(scope(item), None, send)) for item in requests]
    for _ in range(20):
        await asyncio.sleep(0)
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def known(app: Bulkhead, application: Application) -> None:
    """Each key has been used before."""
    application.done.set()
    async with asked(app, *(f"{key}/" for key in KEYS)) as tasks:
        await asyncio.gather(*tasks)
    application.done.clear()
    application.working.clear()


@pytest.fixture
def application() -> Application:
    return Application()


async def test_two_requests_of_a_client_are_worked_on_and_another_one_s_beside_them(application: Application):
    """By whichever of its keys; the others follow in their order."""
    app = Bulkhead(application)
    await known(app, application)
    async with asked(app, "aaa/1", *["bbb/2"] * 11, "ccc/3") as tasks:
        assert application.working == ["aaa/1", "bbb/2", "ccc/3"]
        application.done.set()
        await asyncio.gather(*tasks)
    assert len(application.working) == 13
    assert app._limit.taken == 0


async def test_strangers_share_one_place_whatever_they_call_themselves(application: Application):
    """A key that nobody has seen yet is let in with them, once."""
    app = Bulkhead(application)
    await known(app, application)
    async with asked(app, *[f"made-up-{number}/" for number in range(20)], "/nobody", "aaa/"):
        assert len(application.working) == 3
        assert application.working[-1] == "aaa/"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_health_checks_wait_for_nobody(application: Application, path: str):
    async with asked(Bulkhead(application), *["/"] * 20, path):
        assert application.working[-1] == path


async def test_who_waits_for_something_else_makes_room(application: Application):
    """And so does an answer that has begun, however long it is read."""
    app = Bulkhead(application)
    await known(app, application)
    async with asked(app, *["aaa/waits"] * 20, *["aaa/works"] * 9):
        assert application.working == ["aaa/waits"] * 20 + ["aaa/works"] * 2
    application.working.clear()
    application.done.set()
    async with asked(app, *["aaa/streams"] * 20):
        assert len(application.working) == 20


async def test_nobody_waits_for_longer_than_some_seconds(application: Application, monkeypatch: pytest.MonkeyPatch):
    """Requests that hang are no reason to hang, too."""
    monkeypatch.setattr(bulkhead, "BULKHEAD_WAIT_SECONDS", 0.01)
    app = Bulkhead(application)
    async with asked(app, *["/"] * 9) as tasks:
        while len(application.working) < 9:
            await asyncio.wait(tasks, timeout=0.01)
    assert app._limit.taken == 0


async def test_only_so_many_keys_are_remembered(application: Application, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulkhead, "REMEMBERED", 2)
    app = Bulkhead(application)
    await known(app, application)
    assert list(app._clients) == ["bbb", "ccc"]


@pytest.mark.parametrize(
    ("header", "query", "key_id"),
    [
        ("Bearer slc_aaa_secret", "", "aaa"),
        ("bearer 0a1b2c", "", "0a1b2c"),
        ("", "access_token=0a1b2c", "0a1b2c"),
        ("Bearer slc_aaa", "", "slc_aaa"),
        ("Basic YTpi", "access_token=", ""),
        ("", "&access_token=%ff", "\ufffd"),
        ("", "stream_token=0a1b2c", "0a1b2c"),
        ("Bearer slc_aaa_secret", "stream_token=0a1b2c", "aaa"),
    ],
)
def test_whose_a_request_is_said_by_what_it_comes_with(header: str, query: str, key_id: str):
    headers = [(b"authorization", header.encode())] if header else []
    assert bulkhead._key_id({"type": "http", "headers": headers, "query_string": query.encode()}) == key_id


@pytest.mark.parametrize(
    ("scheme", "cookie", "key_id"),
    [
        ("http", "sluice_session=0a1b2c", "0a1b2c"),
        ("http", "other=1; sluice_session=0a1b2c; more=2", "0a1b2c"),
        ("https", "__Host-sluice_session=0a1b2c", "0a1b2c"),
        ("https", "sluice_session=0a1b2c", ""),
        ("http", "other=0a1b2c", ""),
        ("http", "sluice_session=", ""),
    ],
)
def test_whose_a_browser_s_request_is_said_by_its_session(scheme: str, cookie: str, key_id: str):
    """Over TLS by the name that browsers take over TLS only; a key beside it comes first."""
    scope = {"type": "http", "scheme": scheme, "headers": [(b"cookie", cookie.encode())], "query_string": b""}
    assert bulkhead._key_id(scope) == key_id
    scope["headers"] = [*scope["headers"], (b"authorization", b"Bearer slc_aaa_secret")]
    assert bulkhead._key_id(scope) == "aaa"


async def test_browsers_of_a_client_share_its_places(application: Application):
    """However many are signed in: what the first request of each session has told is remembered."""
    app = Bulkhead(application)
    sessions = ["aaa", "bbb"]

    async def send(message: Any) -> None:
        pass

    def scope(session: str) -> dict[str, Any]:
        headers = [(b"cookie", f"sluice_session={session}".encode())]
        return {"type": "http", "scheme": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}

    application.done.set()
    for session in sessions:
        await app(scope(session), None, send)
    application.done.clear()
    application.working.clear()
    tasks = [asyncio.create_task(app(scope(session), None, send)) for session in sessions * 5]
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(application.working) == 2
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
