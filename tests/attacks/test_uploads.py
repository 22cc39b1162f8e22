"""Uploads that are begun and not ended, by clients with a key: each costs its own client, and nobody else.

Ten half-open ones of 9 MB took 700 MB, silent ones stayed for ever, and twenty abandoned ones made another client's
megabyte wait for 18 seconds.
"""

import asyncio
import gzip
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from starlette.types import Message

from app.api.app import create_app
from app.domain.api_keys import Scope
from app.uploads import admission
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.support.listener import SOON_SECONDS
from tests.support.stage import Stage, staged

MB = 1_000_000
IN_ALL, OF_ONE = 6, 4
PART_BYTES = 100_000
ROWS = 400_000
SOON_PARTS = 20
BUDGET_BYTES = 12 * MB  # three blocks of each fit in, and what they have sent does not


@pytest.fixture
async def stage(sqlite_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    async with staged(sqlite_url, clock, auth="on", uploads=IN_ALL, client_uploads=OF_ONE) as found:
        yield found


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has to wait for a place gets none."""
    monkeypatch.setattr(admission, "UPLOAD_WAIT_SECONDS", 0)


async def key_of(stage: Stage, client: str) -> dict[str, str]:
    _, key = await stage.container.keys.create(client, [Scope.SUBMIT])
    return {"Authorization": f"Bearer {key}", "Content-Type": "text/csv"}


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(SOON_SECONDS):
        while not true():
            await asyncio.sleep(0.01)


class HalfOpen(httpx.AsyncByteStream):
    """A file that is sent up to its middle, and goes on when it is told to."""

    def __init__(self, number: int, size_bytes: int = 0) -> None:
        dice = random.Random(number)  # nothing that could be packed into next to nothing
        self.rows = [
            b"p%d.%d@example.com,%s\n" % (number, n, dice.randbytes(100).hex().encode())
            for n in range(1 + size_bytes // 220)
        ]
        self.is_read = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"email,company\n" + b"".join(self.rows)
        self.is_read.set()
        await self.goes_on.wait()
        yield b"last@example.com,x\n"


async def half_open(
    stage: Stage, headers: dict[str, str], count: int, size_bytes: int = 0
) -> tuple[list[HalfOpen], list[asyncio.Task[Any]]]:
    files = [HalfOpen(number, size_bytes) for number in range(count)]
    url, said = stage.api.base_url.join("/v1/imports"), headers | {"Transfer-Encoding": "chunked"}
    requests = [httpx.Request("POST", url, headers=said, stream=item) for item in files]
    posts = [asyncio.create_task(stage.api.send(item)) for item in requests]
    async with asyncio.timeout(SOON_SECONDS):
        await asyncio.gather(*[item.is_read.wait() for item in files])
    return files, posts


async def ended(files: list[HalfOpen], posts: list[asyncio.Task[Any]]) -> list[int]:
    for one in files:
        one.goes_on.set()
    return [answer.status_code for answer in await asyncio.gather(*posts)]


@pytest.mark.usefixtures("no_patience")
async def test_half_open_uploads_take_their_own_client_s_places(stage: Stage):
    """Another client's goes through beside them; one more of the same is told to come back."""
    greedy, other = await key_of(stage, "greedy"), await key_of(stage, "other")
    files, posts = await half_open(stage, greedy, OF_ONE)
    refused = await stage.api.post("/v1/imports", content=LEADS, headers=greedy)
    assert (refused.status_code, refused.json()["code"]) == (429, "client_uploads_full")
    assert refused.headers["Retry-After"] == "5"
    assert (await stage.api.post("/v1/imports", content=LEADS, headers=other)).status_code == 202
    assert await ended(files, posts) == [202] * OF_ONE


@pytest.mark.usefixtures("no_patience")
async def test_all_uploads_together_are_bounded_however_many_clients_there_are(stage: Stage):
    keys = [await key_of(stage, f"client{number}") for number in range(3)]
    made = [await half_open(stage, key, IN_ALL // 3) for key in keys]
    refused = await stage.api.post("/v1/imports", content=LEADS, headers=await key_of(stage, "late"))
    assert (refused.status_code, refused.json()["code"]) == (429, "uploads_full")
    for files, posts in made:
        assert await ended(files, posts) == [202] * len(files)


async def test_half_open_uploads_that_hold_too_much_together_store_what_they_have(stage: Stage):
    """As parts of their own; nobody has to end, and nothing is lost."""
    stage.container.admission.memory_bytes = BUDGET_BYTES
    files, posts = await half_open(stage, await key_of(stage, "crm"), OF_ONE, 6 * MB)
    await until(lambda: has_settled(stage.container.admission))
    assert await ended(files, posts) == [202] * OF_ONE
    imports = (await stage.api.get("/v1/imports", headers=await key_of(stage, "crm"))).json()["items"]
    assert sorted(item["rows"]["total"] for item in imports) == [len(item.rows) + 1 for item in files]
    assert sum(item["parts"]["total"] for item in imports) > OF_ONE


def has_settled(found: admission.Admission) -> bool:
    """What all have sent has been worked on, somebody has stored some of it for the others, and all hold little."""
    places = found._places
    has_stored = any(not item.first_awaits_more for item in places)
    return all(item.least_bytes for item in places) and has_stored and found.excess_bytes <= 0


class Sender:
    """Sends a whole request over ASGI, and hangs up when it is told to."""

    def __init__(self, headers: dict[str, str], body: bytes) -> None:
        self.leaves = asyncio.Event()
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    @property
    def scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/v1/imports",
            "raw_path": b"/v1/imports",
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1"), *self._headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }

    async def receive(self) -> Message:
        if self._messages:
            return self._messages.pop()
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Nobody listens."""


@pytest.mark.parametrize("stays", [True, False])
async def test_work_on_an_upload_ends_when_its_caller_has_gone(
    sqlite_url: str, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch, stays: bool
):
    """Forty kilobytes that unpack to eight megabytes are not unpacked for nobody, and nothing is kept."""
    body = gzip.compress(b"email\n" + b"somebody@example.com\n" * ROWS, 1)
    async with staged(sqlite_url, clock, auth="on", part_bytes=PART_BYTES) as stage:
        await _sent(stage, monkeypatch, body, stays=stays)


async def _sent(stage: Stage, monkeypatch: pytest.MonkeyPatch, body: bytes, *, stays: bool) -> None:
    """Sends it, and looks what came of it."""
    key = await key_of(stage, "crm")
    caller = Sender(key | {"Content-Encoding": "gzip", "Content-Length": str(len(body))}, body)
    made: list[int] = []
    moves = admission.Place.moves

    def moved(place: admission.Place, size_bytes: int) -> None:
        made.append(size_bytes)
        moves(place, size_bytes)
        if not stays:
            caller.leaves.set()

    monkeypatch.setattr(admission.Place, "moves", moved)
    answering = asyncio.create_task(create_app(stage.container)(caller.scope, caller.receive, caller.send))
    async with asyncio.timeout(SOON_SECONDS):
        await asyncio.wait({answering})
    listed = (await stage.api.get("/v1/imports", headers=key)).json()["items"]
    if stays:
        assert [item["parts"]["total"] for item in listed] == [len(made)]
        assert len(made) > 4 * SOON_PARTS
    else:
        assert 0 < len(made) < SOON_PARTS
        assert listed == []
        assert await stage.holds_nothing()
