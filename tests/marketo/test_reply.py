"""One exchange with Marketo: what its answer says, whatever it looks like."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.marketo.reply import Error, Reply, exchange, named, text


def reply(body: Any, status: int = 200, *, whole: bool = True) -> Reply:
    """A reply with this body: bytes as they are, everything else as JSON."""
    return Reply(status, "application/json", body if isinstance(body, bytes) else json.dumps(body).encode(), whole)


def refused(*errors: Any, status: int = 200) -> Reply:
    return reply({"success": False, "errors": list(errors)}, status)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"text"', b'{"success": ', b"{" * 100_000, b"\xff{}"])
def test_what_is_no_json_object_has_no_envelope(body: bytes):
    """Whatever a gateway sends: no error, no result."""
    answer = reply(body)
    assert (answer.envelope, answer.error, answer.result) == (None, None, None)


def test_an_envelope_that_was_cut_off_is_none():
    """Also where what came can be read; and one of more than a megabyte is not even tried."""
    assert reply({"success": True}, whole=False).envelope is None
    assert reply(b'{"a": "' + b"x" * 1_000_000 + b'"}').envelope is None
    assert reply(b' \n{"success": true}').envelope == {"success": True}


@pytest.mark.parametrize(
    ("errors", "error"),
    [
        ([{"code": "606", "message": "wait"}, {"code": "611", "message": "x"}], Error("606", "wait")),
        ([{"code": 606, "message": "wait"}], Error("606", "wait")),
        ([{"code": "606"}], Error("606", "")),
        ([{"code": "606", "message": 7}], Error("606", "")),
        ([{"code": "x" * 20, "message": "m"}], Error("x" * 10, "m")),
        ([{"code": True, "message": "m"}], None),
        ([{"code": "", "message": "m"}], None),
        ([{"message": "m"}], None),
        (["606"], None),
        ([], None),
    ],
)
def test_the_first_error_decides(errors: list[Any], error: Error | None):
    """Only where the envelope says that there was no success, and only one that has a code."""
    assert refused(*errors).error == error
    assert reply({"success": True, "errors": errors}).error is None
    assert reply({"errors": errors}).error is None


@pytest.mark.parametrize(
    ("answer", "died"),
    [
        (refused({"code": "601"}), True),
        (refused({"code": "602"}), True),
        (refused({"code": "600"}), False),
        (refused({"code": "606"}), False),
        (reply(b"", 401), True),
        (refused({"code": "606"}, status=401), False),
        (refused({"code": "602"}, status=500), False),
        (reply(b"", 200), False),
    ],
)
def test_a_token_died_where_marketo_says_so(answer: Reply, died: bool):
    """A 5xx never means that: the request may have been executed."""
    assert answer.token_died is died


def test_a_result_is_the_records_of_a_success():
    """What is no record is left out."""
    assert reply({"success": True, "result": [{"a": 1}, "x", None]}).result == [{"a": 1}]
    assert reply({"success": True, "result": {}}).result is None
    assert reply({"success": False, "result": [{}]}).result is None
    assert reply({"success": True, "result": [{}]}, status=500).result is None


async def answered(response: httpx.Response, *, limit_bytes: int = 100) -> Reply:
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: response))
    request = http.build_request("GET", "https://marketo.example.com/")
    return await exchange(http, request, auth=None, limit_bytes=limit_bytes, seconds=10)


async def broken() -> AsyncIterator[bytes]:
    yield b"half"
    raise httpx.ReadError("gone")


@pytest.mark.parametrize(
    ("response", "body", "whole"),
    [
        (httpx.Response(200, content=b"x" * 100), b"x" * 100, True),
        (httpx.Response(200, content=b"x" * 101), b"x" * 100, False),
        (httpx.Response(200, content=broken()), b"half", False),
        (httpx.Response(200, content=b"abc", headers={"Content-Length": "4"}), b"abc", False),
        (httpx.Response(200, content=b"abc", headers={"Content-Length": "x"}), b"abc", True),
        (httpx.Response(200, content=gzip.compress(b"a" * 50), headers={"Content-Encoding": "gzip"}), b"a" * 50, True),
    ],
    ids=["whole", "over our limit", "breaks off", "shorter than announced", "no length", "compressed"],
)
async def test_a_body_is_read_to_its_end_or_to_our_limit(response: httpx.Response, body: bytes, whole: bool):
    """One that breaks off raises nothing: the status may be enough."""
    answer = await answered(response)
    assert (answer.body, answer.whole) == (body, whole)


async def test_the_media_type_has_no_parameters_and_redirects_are_not_followed():
    """Its case does not matter either."""
    response = httpx.Response(302, headers={"Content-Type": "Text/CSV; charset=x", "Location": "/elsewhere"})
    answer = await answered(response)
    assert (answer.status, answer.media_type, answer.ok) == (302, "text/csv", False)
    assert (await answered(httpx.Response(204))).media_type == ""


async def test_an_exchange_ends_in_time_as_a_whole():
    """However slowly its bytes come."""

    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    http = httpx.AsyncClient(transport=httpx.MockTransport(never))
    with pytest.raises(TimeoutError):
        await exchange(http, http.build_request("GET", "https://x"), auth=None, limit_bytes=1, seconds=0)


def test_an_error_is_named_with_its_root_cause():
    """Once, where both say the same."""
    error = httpx.ConnectError("cannot connect")
    error.__cause__ = OSError("no route")
    assert named(error) == "ConnectError: cannot connect: no route"
    error.__cause__ = OSError("cannot connect")
    assert named(error) == "ConnectError: cannot connect"
    assert named(ValueError("x")) == "ValueError: x"
    assert named(ValueError()) == "ValueError"


def test_a_message_is_bounded_and_harmless():
    """A database or a terminal would refuse the rest."""
    assert text(" a\x1b\0b\ud800c ") == "a  b?c"
    assert text("a\n\tb") == "a\n\tb"
    assert text("x" * 2000) == "x" * 1000
    assert [text(value) for value in ("", " ", None, 7)] == [None] * 4
