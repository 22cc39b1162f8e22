"""The server's connections: what a head may have, how long is waited, and who makes room for whom."""

import asyncio
import json
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from app.api.connections import Connections
from tests.support.connected import Wire, connected
from tests.support.logged import Log, log

__all__ = ["log"]
CROWDED = "the limit of connections is reached"
ASK = b"GET /livez HTTP/1.1\r\nHost: sluice.example.com\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: sluice.example.com\r\nTransfer-Encoding: chunked\r\n\r\n"


class Application:
    """Answers with the size of the body; a path `/wait` waits until it is told to go on. Notes whom it knows."""

    def __init__(self) -> None:
        self.headers: list[Any] = []
        self.go_on = asyncio.Event()
        self.disconnected = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.headers.append(scope["headers"])
        if scope["path"] == "/known":
            scope["state"]["caller"] = "crm"
        if scope["path"] in {"/wait", "/known"}:
            await self.go_on.wait()
        size, message = 0, {"more_body": True}
        while message.get("more_body"):
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnected += 1
                return
            size += len(message["body"])
        crowded = " crowded" if scope["state"]["is_crowded"] else ""
        await PlainTextResponse(f"{size} bytes{crowded}")(scope, receive, send)


async def turns(many: int = 20) -> None:
    """Let the loop go round: nothing here waits for a clock."""
    for _ in range(many):
        await asyncio.sleep(0)


def problem_in(wire: Wire) -> dict[str, Any]:
    head, _, body = wire.sent.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"x-request-id: " in head
    told: dict[str, Any] = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {told['status']} ".encode())
    return told


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("size", [32_768, 32_769])
@pytest.mark.parametrize("piece", [1_000, 300_000])
async def test_a_head_may_have_32_768_bytes(size: int, piece: int):
    """In whatever pieces it comes, with a body behind it."""
    protocol, wire = connected(Application(), Connections(10))
    head = POST[:-2] + b"A: \r\n\r\n"
    sent = head.replace(b"A: ", b"A: " + b"a" * (size - len(head))) + b"4\r\nrows\r\n0\r\n\r\n"
    for at in range(0, len(sent), piece):
        protocol.data_received(sent[at : at + piece])
    await turns()
    if size == 32_768:
        assert wire.sent.endswith(b"4 bytes")
    else:
        assert problem_in(wire)["code"] == "headers_too_large"


async def test_a_head_without_end_is_refused_before_it_is_held_and_what_follows_is_dropped():
    """And hung up on, for good, once a megabyte has followed."""
    protocol, wire = connected(Application(), Connections(10))
    protocol.data_received(b"GET / HTTP/1.1\r\nA: ")
    for _ in range(5):
        protocol.data_received(b"a" * 256_000)
    assert problem_in(wire)["status"] == 431
    assert wire.is_at_end
    assert wire.how_ended == "abort"


@pytest.mark.parametrize(
    "endless",
    [
        pytest.param(b"0\r\nA: ", id="a trailer"),
        pytest.param(b"4;a=", id="a chunk's extension"),
        pytest.param(b"4\r\nrows\r\n0\r\n\r\n" + ASK[:-2] + b"A: ", id="the next request's head"),
        pytest.param(b"4\r\nrows\r\n0\r\n\r\n" + b"\r\n" * 9, id="line ends"),
    ],
)
async def test_what_stands_beside_a_body_is_bounded_as_a_head_is(endless: bytes):
    protocol, wire = connected(Application(), Connections(10))
    protocol.data_received(POST + endless)
    await turns()
    for _ in range(3):
        protocol.data_received((b"\r\n" if endless.endswith(b"\n") else b"aa") * 15_000)
    await turns()
    assert wire.how_ended == "abort" or b"HTTP/1.1 431" in wire.sent


async def test_a_body_may_be_of_any_size_and_in_chunks_of_any():
    application = Application()
    protocol, wire = connected(application, Connections(10))
    protocol.data_received(POST)
    for _ in range(100):
        protocol.data_received(b"1\r\na\r\n" * 1_000)
        await turns(2)
    protocol.data_received(b"0\r\n\r\n")
    await turns()
    assert wire.sent.endswith(b"100000 bytes")


async def test_a_trailer_does_not_become_a_header_of_the_request():
    application = Application()
    protocol, wire = connected(application, Connections(10))
    protocol.data_received(POST + b"4\r\nrows\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
    await turns()
    assert wire.sent.endswith(b"4 bytes")
    assert [name for name, _ in application.headers[0]] == [b"host", b"transfer-encoding"]


async def test_few_requests_may_be_sent_ahead_of_the_answer_to_the_first():
    """Each would be held: sixteen more are."""
    application = Application()
    protocol, wire = connected(application, Connections(10))
    protocol.data_received(ASK * 17)
    await turns(200)
    assert wire.sent.count(b"HTTP/1.1 200") == 17
    protocol.data_received(ASK * 18)
    await turns()
    assert wire.how_ended == "abort"


@pytest.mark.parametrize(("begun", "code"), [(b"", None), (b"GET / HT", "request_timeout")])
async def test_a_head_has_to_be_there_within_ten_seconds(begun: bytes, code: str | None):
    """Whoever began with it hears why; who said nothing hears nothing."""
    protocol, wire = connected(Application(), Connections(10))
    protocol.data_received(begun)
    began = now()
    protocol.end_if_overdue(began + 9)
    assert not wire.sent
    assert not wire.is_closing()
    protocol.end_if_overdue(began + 11)
    assert (problem_in(wire)["code"] if wire.sent else None) == code
    protocol.end_if_overdue(began + 17)
    assert wire.is_closing()


async def test_the_ten_seconds_begin_with_the_first_byte_of_each_request():
    """In between, uvicorn's own timer holds."""
    protocol, wire = connected(Application(), Connections(10))
    protocol.data_received(ASK)
    await turns()
    protocol.end_if_overdue(now() + 50)
    assert not wire.is_closing()
    protocol.data_received(b"\r\n")  # which is no request yet, and ends that timer
    protocol.end_if_overdue(now() + 11)
    assert b" 408 " in wire.sent


async def test_an_answer_that_takes_its_time_is_waited_for():
    application = Application()
    protocol, wire = connected(application, Connections(10))
    protocol.data_received(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    await turns()
    protocol.end_if_overdue(now() + 1000)
    application.go_on.set()
    await turns()
    assert wire.sent.endswith(b"0 bytes")


@pytest.mark.parametrize(("taken_bytes", "ends"), [(29_000, True), (31_000, False)])
async def test_an_answer_has_to_be_taken_at_a_thousand_bytes_a_second(taken_bytes: int, ends: bool):
    """Half a minute at a time. Whoever takes nothing would keep the connection for ever."""
    application = Application()
    protocol, wire = connected(application, Connections(10))
    protocol.data_received(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    await turns()
    wire.unsent_bytes = 100_000
    protocol.pause_writing()
    wire.unsent_bytes -= taken_bytes
    protocol.end_if_overdue(now() + 30.001)
    assert wire.is_closing() is ends
    protocol.resume_writing()
    application.go_on.set()
    await turns()


async def test_a_connection_that_is_to_close_does_not_wait_for_ever_for_what_is_unsent():
    application = Application()
    protocol, wire = connected(application, Connections(10))
    wire.unsent_bytes = 50_000
    protocol.data_received(ASK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    await turns()
    assert wire.how_ended == "close"
    protocol.end_if_overdue(now() + 1)
    protocol.end_if_overdue(now() + 20)
    assert wire.how_ended == "close"
    protocol.end_if_overdue(now() + 32)
    assert wire.how_ended == "abort"


async def test_what_is_no_http_is_answered_with_a_problem():
    protocol, wire = connected(Application(), Connections(10))
    protocol.data_received(b"hello\r\n\r\n")
    assert problem_in(wire)["code"] == "bad_request"
    await turns()


async def test_beyond_the_limit_the_oldest_that_works_for_nobody_known_makes_room(log: Log):
    """And it is said, at most once a minute."""
    connections = Connections(3)
    application = Application()
    silent, stranger, idle = (connected(application, connections) for _ in range(3))
    idle[0].data_received(ASK)
    stranger[0].data_received(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    await turns()
    assert not log.lines(CROWDED)
    ended = []
    for _ in range(4):
        connected(application, connections)
        ended.append([wire.how_ended for _, wire in (silent, stranger, idle)])
    assert ended[:3] == [["abort", "", ""], ["abort", "abort", ""], ["abort", "abort", "close"]]
    assert [(line["level"], line["limit"]) for line in log.lines(CROWDED)] == [("warning", 3)]
    await turns()


async def test_who_works_for_a_known_caller_keeps_its_connection_and_beyond_it_are_health_checks():
    """One that came first, and was a stranger before, too."""
    connections = Connections(2)
    application = Application()
    known = [connected(application, connections) for _ in range(2)]
    for protocol, _ in known:
        protocol.data_received(b"GET /known HTTP/1.1\r\nHost: a\r\n\r\n")
    await turns()
    more = [connected(application, connections) for _ in range(3)]
    for protocol, _ in more:
        protocol.data_received(ASK)
    await turns()
    assert [wire.sent[-7:] for _, wire in more] == [b"crowded"] * 3
    application.go_on.set()
    await turns()
    assert [wire.sent[-7:] for _, wire in known] == [b"0 bytes"] * 2


async def test_the_room_beyond_the_limit_is_bounded_too():
    """Sixty-four; the oldest goes."""
    connections = Connections(1)
    protocol, wire = connected(Application(), connections)
    protocol.data_received(b"GET /known HTTP/1.1\r\nHost: a\r\n\r\n")
    await turns()
    more = [connected(Application(), connections)[1] for _ in range(66)]
    assert [wire.is_closing() for wire in more] == [True, True] + [False] * 64
    assert not wire.is_closing()
    connections.end_overdue(now() + 11)
    assert all(wire.is_closing() for wire in more)
    await turns()


async def test_a_connection_that_is_closed_is_counted_no_longer(log: Log):
    connections = Connections(1)
    for _ in range(5):
        _, wire = connected(Application(), connections)
        wire.close()
        await turns()
    assert not log.lines(CROWDED)
    assert connections._open == set()
    assert connections._replaceable == {}


async def test_an_application_hears_of_a_connection_that_is_ended():
    application = Application()
    connections = Connections(1)
    protocol, _ = connected(application, connections)
    protocol.data_received(POST + b"4\r\nrows\r\n")
    await turns()
    connected(application, connections)
    await turns()
    assert application.disconnected == 1


@pytest.mark.parametrize("at", [1, 40, 150, 10_000])
@pytest.mark.parametrize(
    "framed", [b"Content-Length: 4\r\n\r\nrows", b"Transfer-Encoding: chunked\r\n\r\n4\r\nrows\r\n0\r\n\r\n"]
)
async def test_a_body_behind_a_wish_to_upgrade_is_read(at: int, framed: bytes):
    """Java's client asks for HTTP/2 on a connection without TLS, and sends its body all the same: none of it is lost.

    In whatever pieces it comes; and the next request on the connection is answered, too.
    """
    application = Application()
    protocol, wire = connected(application, Connections(10))
    wish = b"Connection: Upgrade, close-not, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAI\r\n"
    sent = b"POST /a?b=c HTTP/1.1\r\nHost: sluice.example.com\r\n" + wish + framed
    for start in range(0, len(sent), at):
        protocol.data_received(sent[start : start + at])
    await turns()
    assert wire.sent.endswith(b"4 bytes"), wire.sent
    (headers,) = application.headers
    assert dict(headers)[b"connection"].strip() == b"close-not"
    assert {b"upgrade", b"http2-settings"} & set(dict(headers)) == set()
    protocol.data_received(POST + b"2\r\nno\r\n0\r\n\r\n")
    await turns()
    assert wire.sent.endswith(b"2 bytes"), wire.sent


async def test_a_tunnel_is_refused_and_no_other_request_is_read_out_of_it():
    """CONNECT has no body; what follows is the tunnel's."""
    protocol, wire = connected(Application(), Connections(10))
    protocol.data_received(b"CONNECT sluice.example.com:443 HTTP/1.1\r\nHost: sluice.example.com\r\n\r\n" + ASK)
    await turns()
    assert wire.sent.count(b"HTTP/1.1 ") <= 1


async def test_the_request_knows_nothing_of_an_upgrade():
    """It is answered as if it had not been asked for: RFC 9110, 7.8."""
    protocol, wire = connected(Application(), Connections(10))
    protocol.data_received(ASK[:-2] + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n")
    await turns()
    assert wire.sent.endswith(b"0 bytes")
