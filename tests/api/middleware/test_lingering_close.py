"""Bodies that nobody wants: the answer comes at once and arrives, and little of the body is taken in."""

import asyncio
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from app.api.middleware import lingering_close
from app.clock import Clock
from app.domain.api_keys import Scope
from app.operations.api_keys import ApiKeys
from app.store.database import Database
from tests.story.files import LEADS
from tests.support import databases
from tests.support.listener import SOON_SECONDS
from tests.support.processes import Service, service
from tests.support.stage import Stage

NOWHERE = "http://127.0.0.1:9"
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
UNWANTED = {  # name: (keys, path, headers, status)
    "a bad key": ("on", "/v1/imports", {"Authorization": "Bearer slc_0_0"}, 401),
    "no token": ("on", "/bulk/v1/leads.json", {"Content-Type": "text/csv"}, 200),
    "another site": ("off", "/v1/imports", {"Origin": "https://evil.example.com"}, 403),
    "no such path": ("off", "/v2/imports", {}, 404),
    "no such import": ("off", "/v1/imports/9/cancel", {}, 404),
    "a method": ("off", "/v1/status", {}, 405),
    "a length": ("off", "/v1/imports", {"Content-Type": "text/csv", "Content-Length": str(10**12)}, 413),
    "a media type": ("off", "/v1/imports", {"Content-Type": "application/pdf"}, 415),
    "a parameter": ("off", "/v1/imports?colour=red", {}, 422),
    "a full backlog": ("off", "/v1/imports", {"Content-Type": "text/csv"}, 429),
    "none of Marketo's media types": ("off", "/bulk/v1/leads.json", {"Content-Type": "application/pdf"}, 200),
    "none of Marketo's paths that are here": ("off", "/rest/v1/leads.json", {}, 200),
}


@pytest.fixture(scope="module")
def urls(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {keys: databases.sqlite_copy(sqlite_template, tmp_path_factory.mktemp(keys)) for keys in ("on", "off")}


@pytest.fixture(scope="module")
def good_key(urls: dict[str, str]) -> str:
    """Made before the service starts, whose the database is from then on."""

    async def made() -> str:
        db = Database(urls["on"])
        _, key = await ApiKeys(db, Clock()).create("crm", [Scope.SUBMIT])
        await db.close()
        return key

    return asyncio.run(made())


@pytest.fixture(scope="module")
def services(
    urls: dict[str, str], good_key: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Service]]:
    """With keys and without; the second one's backlog is full."""
    folder = tmp_path_factory.mktemp("logs")
    with (
        service(folder, urls["on"], NOWHERE, AUTH="on") as strict,
        service(folder, urls["off"], NOWHERE, BACKLOG_PARTS=1) as full,
    ):
        with sent(full, "/v1/imports?not_before=2999-01-01T00:00:00Z&preflight=off", {}, LEADS) as line:
            assert answered(line)[0].status == 202
        yield {"on": strict, "off": full}


def sent(to: Service, path: str, headers: dict[str, str], body: bytes, *, length: int | None = None) -> socket.socket:
    """The line, on which all of the body has been sent, and nothing of the answer read."""
    lines = {"Host": "127.0.0.1", "Content-Length": str(length or len(body))} | headers
    line = socket.create_connection(("127.0.0.1", to.port))
    line.sendall("\r\n".join([f"POST {path} HTTP/1.1", *(f"{h}: {v}" for h, v in lines.items()), "", ""]).encode())
    line.sendall(body)
    return line


def answered(line: socket.socket) -> tuple[HTTPResponse, bytes]:
    answer = HTTPResponse(line, method="POST")
    answer.begin()
    return answer, answer.read()


@pytest.mark.parametrize("name", UNWANTED)
def test_a_body_that_is_refused_is_not_waited_for(services: dict[str, Service], name: str):
    """Of a gigabyte, not a byte has to come before the service says no, and that it will hang up."""
    keys, path, headers, status = UNWANTED[name]
    with sent(services[keys], path, headers, b"", length=10**9) as line:
        answer, told = answered(line)
    assert (answer.status, answer.headers["Connection"], answer.headers["Content-Length"]) == (
        status,
        "close",
        str(len(told)),
    )


@pytest.mark.parametrize(
    ("path", "is_good", "status", "says"),
    [
        ("/v1/imports", False, 401, b'"code":"unauthorized"'),
        ("/v1/imports?colour=red", True, 422, b'"field":"colour"'),
        ("/bulk/v1/leads.json", False, 200, b'"code":"601"'),
    ],
)
def test_who_sends_all_before_it_reads_is_answered_too(
    services: dict[str, Service], good_key: str, path: str, is_good: bool, status: int, says: bytes
):
    """As urllib does. 20 MB, more than any buffer on the way holds."""
    headers = {"Authorization": f"Bearer {good_key if is_good else 'slc_0_0'}", "Content-Type": "text/csv"}
    with sent(services["on"], path, headers, bytes(20_000_000)) as line:
        answer, told = answered(line)
        assert (answer.status, says in told) == (status, True), told
        assert line.recv(1) == b""  # hung up, and not by a reset


def test_who_asks_before_it_sends_hears_no_and_nothing_else(services: dict[str, Service]):
    """`Expect: 100-continue`: what is taken in behind an answer is not called for."""
    with sent(services["on"], "/v1/imports", {"Expect": "100-continue"}, b"", length=10) as line:
        told = line.recv(4096)
        line.sendall(bytes(10))  # all the same; it ends the wait for it
        while more := line.recv(4096):
            told += more
    assert told.startswith(b"HTTP/1.1 401 ")
    assert told.count(b"HTTP/1.1 ") == 1


class Caller:
    """Speaks ASGI as a server does, one POST with a body, and notes what came when."""

    def __init__(self, *pieces: Message, again: Message | None = None) -> None:
        self.log: list[Any] = []
        self.taken_bytes = 0
        self._pieces = list(pieces)
        self._again = again  # what comes after these, again and again; else nothing ever does

    async def asks(self, app: lingering_close.LingeringClose) -> None:
        headers = [(b"content-length", b"1000000000")]
        async with asyncio.timeout(SOON_SECONDS) as bound:
            await app({"type": "http", "method": "POST", "path": "/", "headers": headers}, self._receive, self._send)
        assert not bound.expired()

    async def _receive(self) -> Message:
        await asyncio.sleep(0)
        if self._pieces:
            message = self._pieces.pop(0)
        elif self._again:
            message = self._again
        else:
            await asyncio.Event().wait()
        self.taken_bytes += len(message.get("body", b""))
        self.log.append(message["type"])
        return message

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            assert (b"connection", b"close") in message["headers"]
        else:
            self.log.append((message.get("body", b""), message.get("more_body", False)))


REFUSED = lingering_close.LingeringClose(PlainTextResponse("no", 401))
ANSWER, END = (b"no", True), (b"", False)


def piece(size: int, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": bytes(size), "more_body": more}


async def test_the_answer_goes_out_whole_before_any_of_the_body_is_taken_in():
    """Its end alone waits for the end of the body."""
    caller = Caller(piece(10), piece(10, more=False))
    await caller.asks(REFUSED)
    assert caller.log == [ANSWER, "http.request", "http.request", END]


async def test_who_hangs_up_is_not_waited_for():
    caller = Caller(piece(10), {"type": "http.disconnect"})
    await caller.asks(REFUSED)
    assert caller.log == [ANSWER, "http.request", "http.disconnect", END]


async def test_little_of_a_large_body_is_taken_in():
    """64 MB of one that never ends."""
    caller = Caller(again=piece(1_000_000))
    await caller.asks(REFUSED)
    assert caller.taken_bytes == 64_000_000
    assert (caller.log[0], caller.log[-1]) == (ANSWER, END)


@pytest.mark.parametrize(
    ("wait", "again"), [("LINGER_SILENCE_SECONDS", None), ("LINGER_SECONDS", piece(0))], ids=["silence", "trickle"]
)
async def test_the_line_is_closed_when_the_time_is_up(
    monkeypatch: pytest.MonkeyPatch, wait: str, again: Message | None
):
    """Nothing comes any more; or ever so little."""
    monkeypatch.setattr(lingering_close, wait, 0)
    caller = Caller(piece(10), again=again)
    await caller.asks(REFUSED)
    assert (caller.log[0], caller.log[-1]) == (ANSWER, END)


async def test_a_service_that_stops_waits_for_nobody():
    """Its calls are cancelled in the end: this one is over then, as any other."""
    caller = Caller(piece(10))
    asking = asyncio.create_task(caller.asks(REFUSED))
    while "http.request" not in caller.log and not asking.done():
        await asyncio.sleep(0)
    asking.cancel()
    await asking
    assert caller.log == [ANSWER, "http.request", END]


async def test_an_unexpected_error_is_answered_whole_too():
    """Though it goes on up to the server behind its answer."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("no", 500)(scope, receive, send)
        raise ZeroDivisionError

    caller = Caller(piece(10, more=False))
    with pytest.raises(ZeroDivisionError):
        await caller.asks(lingering_close.LingeringClose(broken))
    assert caller.log == [ANSWER, "http.request", END]


async def test_a_line_lives_on_behind_a_body_that_was_read(stage: Stage):
    """Taken or refused; and where there was none."""
    asked = [
        await stage.create(LEADS),
        await stage.create(b"email,,\n"),
        await stage.api.get("/nowhere"),
        await stage.api.post("/v1/imports/1/cancel"),
        await stage.api.post("/v1/instances/default/pause", json={"reason": 1}),
    ]
    assert [answer.status_code for answer in asked] == [202, 422, 404, 202, 422]
    assert not any("connection" in answer.headers for answer in asked)


def test_what_is_thrown_away_is_taken_in_at_a_bounded_rate():
    """Forty strangers who sent all they had made everybody else wait for it."""
    slowly = lingering_close.Slowly(1_000_000)
    assert [round(slowly.wait_seconds(10_000, 5.0), 3) for _ in range(3)] == [0.01, 0.02, 0.03]
    assert round(slowly.wait_seconds(10_000, 6.0), 3) == 0.01
