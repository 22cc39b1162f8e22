"""Callers of the API, cheap enough not to be what is measured: `python -m benchmarks.callers`, one JSON line out.

Each has a connection that stays open, and sends its next request when it has the answer to the last. Beside them, in
the same process and as cheap, those who only commit: one INSERT in each transaction.
"""

import argparse
import asyncio
import json
import sqlite3
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiosqlite
import psycopg
import uvloop

Call = Callable[[], Awaitable[None]]
WARM_UP_SECONDS = 1.0
MOST_TOLD = 2_000  # durations in the answer
SYNCHRONOUS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"


async def http_caller(asked: argparse.Namespace, body: bytes) -> Call:
    address = urlsplit(asked.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1 << 20)
    target = address.path + (f"?{address.query}" if address.query else "")
    method = "POST" if body else "GET"
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n"
    if asked.key:
        head += f"Authorization: Bearer {asked.key}\r\n"
    expected = b"202" if body else b"200"

    async def call() -> None:
        once = f"Idempotency-Key: {uuid.uuid4().hex}\r\n" if asked.idempotent else ""
        writer.write((head + once + "\r\n").encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        rest = await reader.readexactly(int(answer.lower().split(b"content-length: ")[1].split(b"\r")[0]))
        if answer.split(b" ", 2)[1] != expected:
            raise RuntimeError(f"{answer.decode()}{rest.decode()}")

    return call


async def postgres_committer(url: str, body: bytes) -> Call:
    line = await psycopg.AsyncConnection.connect(url, autocommit=False)

    async def call() -> None:
        await line.execute("INSERT INTO bare_commit (blob) VALUES (%s)", (body,))
        await line.commit()

    return call


async def sqlite_committers(path: str, body: bytes, count: int) -> list[Call]:
    """One connection writes, as in the service."""
    line = await aiosqlite.connect(path, isolation_level=None)
    await line.executescript(SYNCHRONOUS)
    turn = asyncio.Lock()

    async def call() -> None:
        async with turn:
            await line.execute("BEGIN IMMEDIATE")
            await line.execute("INSERT INTO bare_commit (blob) VALUES (?)", (body,))
            await line.execute("COMMIT")

    return [call] * count


def make_table(url: str) -> None:
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as line:
            line.executescript(SYNCHRONOUS)
            line.execute("CREATE TABLE IF NOT EXISTS bare_commit (id INTEGER PRIMARY KEY, blob BLOB)")
        return
    with psycopg.connect(url) as line:
        line.execute("CREATE TABLE IF NOT EXISTS bare_commit (id bigserial PRIMARY KEY, blob bytea)")


async def calls_of(asked: argparse.Namespace, body: bytes) -> list[Call]:
    if asked.url.startswith("http"):
        return [await http_caller(asked, body) for _ in range(asked.callers)]
    make_table(asked.url)
    if asked.url.startswith("sqlite"):
        return await sqlite_committers(asked.url.removeprefix("sqlite:///"), body, asked.callers)
    return [await postgres_committer(asked.url, body) for _ in range(asked.callers)]


async def measured(asked: argparse.Namespace, body: bytes) -> dict[str, Any]:
    calls = await calls_of(asked, body)
    began = time.perf_counter() + WARM_UP_SECONDS
    ends = began + asked.seconds
    took: list[float] = []

    async def caller(call: Call) -> None:
        while (at := time.perf_counter()) < ends:
            await call()
            if began <= at and time.perf_counter() <= ends:
                took.append(time.perf_counter() - at)

    await asyncio.gather(*map(caller, calls))
    return {"per_second": len(took) / asked.seconds, "took": thinned(took), "cpu_seconds": time.process_time()}


def thinned(took: list[float]) -> list[float]:
    """So many of them that every percentile is still there, the longest too; rising."""
    rising = sorted(took)
    step = max(1, len(rising) // MOST_TOLD)
    return [round(each, 6) for each in rising[::-step][::-1]]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--url", required=True, help="what is called; or a database's, for bare commits")
    asked.add_argument("--body", help="a file to send; none: GET")
    asked.add_argument("--callers", type=int, default=1)
    asked.add_argument("--seconds", type=float, default=5)
    asked.add_argument("--key", help="an API key")
    asked.add_argument("--idempotent", action="store_true", help="with an Idempotency-Key, a new one each")
    given = asked.parse_args()
    body = Path(given.body).read_bytes() if given.body else b""
    print(json.dumps(uvloop.run(measured(given, body))), flush=True)


if __name__ == "__main__":
    main()
