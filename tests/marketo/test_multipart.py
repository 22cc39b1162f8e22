"""The body of a submission: its bytes, its length, and what it costs."""

import tracemalloc
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_multipart.multipart import parse_options_header

from app.domain.answers import Accepted
from app.domain.formats import Format
from app.marketo.multipart import Body, BrokenFile, DoesNotFit, FormFile, envelope_bytes
from tests.marketo.stage import LEADS, Stage, envelope, part, refusal, script, token

ONE_MB = 1_000_000


async def drain(body: Body) -> bytes:
    return b"".join([chunk async for chunk in body.chunks()])


@given(content=st.binary(max_size=200), name=st.text(max_size=40), chunk=st.integers(1, 50))
async def test_the_body_is_as_long_as_it_says_and_holds_the_file_untouched(content, name, chunk):
    """For any bytes, any file name and any cut: envelope_bytes + size_bytes, to the byte."""
    body = Body.around(part(content, name=name, chunk=chunk))
    sent = await drain(body)
    assert len(sent) == body.size_bytes == envelope_bytes(name) + len(content)
    head, _, rest = sent.partition(b"\r\n\r\n")
    assert rest.removesuffix(f"\r\n--{body.boundary}--\r\n".encode()) == content
    assert head.count(b"\r\n") == 2  # whatever the name holds, it adds no header line


async def test_the_one_part_is_named_file_and_carries_a_file_name_and_text_csv():
    """As Adobe's samples send it."""
    stage = Stage()
    await stage.marketo.submit(LEADS, part(b"email\na@b.com\n", name='my "own".csv'))
    (request,) = stage.calls
    kind, options = parse_options_header(request.headers["content-type"])
    boundary = options[b"boundary"].decode()
    assert kind == b"multipart/form-data"
    assert request.content.decode() == (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="my %22own%22.csv"\r\n'
        f"Content-Type: text/csv\r\n\r\nemail\na@b.com\n\r\n--{boundary}--\r\n"
    )
    assert int(request.headers["content-length"]) == len(request.content)
    assert "transfer-encoding" not in request.headers


async def test_FITS_a_part_whose_body_is_a_byte_too_long_is_not_sent():
    """10 MB is Marketo's limit, of the whole request body, envelope included. Adobe does not say which MB."""
    stage, most = Stage(), 10_000_000 - envelope_bytes("p.csv")

    def file(size_bytes: int) -> FormFile:
        return FormFile("p.csv", Format.CSV, size_bytes, lambda: iter([bytes(size_bytes)]))

    assert isinstance(await stage.marketo.submit(LEADS, file(most)), Accepted)
    with pytest.raises(DoesNotFit, match="10000001"):
        await stage.marketo.submit(LEADS, file(most + 1))
    assert len(stage.calls) == 1


@pytest.mark.parametrize("size", [3, 100])
async def test_a_file_that_is_not_as_long_as_announced_never_becomes_a_whole_request(size):
    """Too long or too short: no byte too many is sent, and never the closing boundary."""
    content = b"email\na@b.com\n"
    body = Body.around(FormFile("p.csv", Format.CSV, size, lambda: iter([content[:2], content[2:]])))
    sent = bytearray()

    async def send() -> None:
        async for chunk in body.chunks():
            sent.extend(chunk)

    with pytest.raises(BrokenFile):
        await send()
    assert len(sent) < body.size_bytes
    assert not sent.endswith(b"--\r\n")


class Counting(httpx.AsyncBaseTransport):
    """The other end: counts the bytes that come and keeps none."""

    def __init__(self) -> None:
        self.bytes = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if "oauth" in request.url.path:
            return httpx.Response(
                200, json={"access_token": "t", "token_type": "bearer", "expires_in": 60, "scope": ""}
            )
        async for chunk in request.stream:  # type: ignore[union-attr]
            self.bytes += len(chunk)
        return envelope({"batchId": 1, "status": "Queued"})


async def test_a_part_is_never_in_memory_as_a_whole():
    """9 MB go out in pieces of 64 KB, and the peak stays far below."""
    stage = Stage()
    transport = Counting()
    stage.marketo._http = stage.marketo._identity._http = httpx.AsyncClient(transport=transport)

    def chunks() -> Iterator[bytes]:
        for _ in range(9 * ONE_MB // 64_000):
            yield bytes(64_000)

    file = FormFile("p.csv", Format.CSV, 9 * ONE_MB // 64_000 * 64_000, chunks)
    tracemalloc.start()
    try:
        assert isinstance(await stage.marketo.submit(LEADS, file), Accepted)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert transport.bytes == file.size_bytes + envelope_bytes("p.csv")
    assert peak < ONE_MB


async def test_a_file_is_opened_anew_for_each_attempt_and_closed_after_each():
    """A token that dies mid-way costs a second reading, from the beginning."""
    opened, closed = [], []

    def chunks() -> Iterator[bytes]:
        opened.append(True)
        try:
            yield b"email\n"
        finally:
            closed.append(True)

    tokens = iter(["first", "second"])
    stage = Stage(script(refusal("602"), envelope({"batchId": 5})), lambda _: token(next(tokens)))
    assert isinstance(await stage.marketo.submit(LEADS, FormFile("p.csv", Format.CSV, 6, chunks)), Accepted)
    assert (len(opened), len(closed)) == (2, 2)
    first, second = (call.content.partition(b"\r\n")[2] for call in stage.calls)
    assert first.split(b"\r\n--")[0] == second.split(b"\r\n--")[0]
