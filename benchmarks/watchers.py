"""What watching costs: `python -m benchmarks.watchers`, or `make bench b=watchers`.

Thousands of callers each watch an import of their own on one process, as server-sent events, while imports are
cancelled one after the other. Measured: memory for each watcher, CPU while nothing happens and while it does, and the
time from an event to its delivery. Beside it, in the same run: as many idle streams of a bare Starlette endpoint, and
as many callers who ask for their import every second instead.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import httpx

from benchmarks.support import (
    Child,
    cpu_seconds,
    database,
    describe_machine,
    free_port,
    percentile,
    scratch,
    service,
)

LATER = {"not_before": "2099-01-01T00:00:00Z", "preflight": "off"}  # nothing is to be sent to Marketo meanwhile
OPENING_AT_ONCE = 50
QUIET_SECONDS = 20.0
PER_SECOND = 50  # imports that are cancelled


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


class Stream:
    """One watcher: an open stream of events, read as it comes."""

    def __init__(self, url: str, path: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._address, self._path = (host, int(port)), path
        self.wait: list[tuple[float, dict[str, object]]] = []  # (when, the event)
        self.ended = asyncio.Event()

    async def open(self, *, until: bytes) -> None:
        """Read on to the line that begins so."""
        self._reader, self._writer = await asyncio.open_connection(*self._address, limit=1 << 14)
        head = f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
        self._writer.write(head.encode())
        status = await self._reader.readline()
        assert b" 200 " in status, status
        while not (await self._reader.readline()).startswith(until):
            pass
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while line := await self._reader.readline():
            if line.startswith(b"data: "):
                self.wait.append((time.time(), json.loads(line[6:])))
            elif line == b"0\r\n":
                break
        self.ended.set()

    async def close(self) -> None:
        self._reading.cancel()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


def delay(at: float, event: dict[str, object]) -> float:
    """Seconds from the event's own time, which is before its commit, to its delivery."""
    return at - datetime.fromisoformat(str(event["at"])).timestamp()


async def together(deeds: list[Callable[[], Awaitable[object]]], at_once: int) -> None:
    turns = asyncio.Semaphore(at_once)

    async def do(deed: Callable[[], Awaitable[object]]) -> None:
        async with turns:
            await deed()

    await asyncio.gather(*map(do, deeds))


@asynccontextmanager
async def opened(child: Child, paths: list[str], *, until: bytes = b"data:") -> AsyncIterator[list[Stream]]:
    streams = [Stream(child.url, path) for path in paths]
    await together([partial(stream.open, until=until) for stream in streams], OPENING_AT_ONCE)
    try:
        yield streams
    finally:
        await asyncio.gather(*(stream.close() for stream in streams))


@dataclass(frozen=True)
class Idle:
    kb: float  # for each stream
    opening_seconds: float  # of CPU, each
    quiet: float  # share of a core while nothing happens
    alone: float  # and while nobody watches

    def __str__(self) -> str:
        return (
            f"{self.kb:.1f} KB each, {self.opening_seconds * 1000:.2f} ms CPU to open one, "
            f"{self.quiet * 100:.1f} % of a core while nothing happens ({self.alone * 100:.1f} % without them)"
        )


async def idle(child: Child, paths: list[str], *, until: bytes = b"data:") -> Idle:
    alone = await share_of_a_core(child)
    before, begun = resident_kb(child.pid), cpu_seconds(child.pid)
    async with opened(child, paths, until=until):
        await asyncio.sleep(2)
        opening = cpu_seconds(child.pid) - begun
        memory = resident_kb(child.pid) - before
        quiet = await share_of_a_core(child)
    return Idle(memory / len(paths), opening / len(paths), quiet, alone)


async def share_of_a_core(child: Child) -> float:
    begun = cpu_seconds(child.pid)
    await asyncio.sleep(QUIET_SECONDS)
    return (cpu_seconds(child.pid) - begun) / QUIET_SECONDS


async def created(client: httpx.AsyncClient, count: int) -> list[int]:
    made: list[int] = []

    async def create() -> None:
        answer = await client.post(
            "/v1/imports", content=b"email\na@example.com\n", params=LATER, headers={"Content-Type": "text/csv"}
        )
        made.append(int(answer.raise_for_status().json()["id"]))

    await together([create] * count, 16)
    return made


async def cancelled(client: httpx.AsyncClient, ids: list[int]) -> None:
    """One after the other, evenly."""
    begun = time.perf_counter()
    for n, import_id in enumerate(ids):
        await asyncio.sleep(max(0.0, begun + n / PER_SECOND - time.perf_counter()))
        (await client.post(f"/v1/imports/{import_id}/cancel")).raise_for_status()


async def watch(child: Child, client: httpx.AsyncClient, ids: list[int], moving: int) -> None:
    """Idle first; then some of the imports are cancelled and the others go on being watched."""
    paths = [f"/v1/imports/{import_id}/events" for import_id in ids]
    print(f"  {len(ids)} watchers: {await idle(child, paths)}", flush=True)
    async with opened(child, paths) as streams:
        begun, started = cpu_seconds(child.pid), time.perf_counter()
        await cancelled(client, ids[:moving])
        await asyncio.wait_for(asyncio.gather(*(stream.ended.wait() for stream in streams[:moving])), 60)
        watched, seconds = cpu_seconds(child.pid) - begun, time.perf_counter() - started
        late = [
            delay(at, event) for stream in streams[:moving] for at, event in stream.wait if event["type"] == "finished"
        ]
    assert len(late) == moving, "each heard of its end, once"
    begun = cpu_seconds(child.pid)
    await cancelled(client, ids[moving : 2 * moving])
    alone = cpu_seconds(child.pid) - begun
    print(
        f"  {moving} of them end, {moving / seconds:.0f} a second: from the event's time (before its commit) to its "
        f"delivery p50 {percentile(late, 0.5) * 1000:.1f} ms, p99 {percentile(late, 0.99) * 1000:.1f} ms; "
        f"{watched:.2f} CPU seconds, {alone:.2f} where nobody watches",
        flush=True,
    )


class Asker:
    """One caller who asks again and again, over a connection that stays open."""

    def __init__(self, url: str, path: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._address = (host, int(port))
        self._head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> None:
        if self._line is None:
            self._line = await asyncio.open_connection(*self._address, limit=1 << 14)
        reader, writer = self._line
        try:
            writer.write(self._head)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r")[0]))
        except (asyncio.IncompleteReadError, ConnectionError):  # it was idle for too long
            self.close()

    def close(self) -> None:
        if self._line:
            self._line[1].close()
        self._line = None


async def poll(child: Child, ids: list[int]) -> None:
    """The same callers ask every second instead."""
    stop = time.perf_counter() + QUIET_SECONDS
    asked: list[float] = []

    async def ask(n: int, import_id: int) -> None:
        asker, next_at = Asker(child.url, f"/v1/imports/{import_id}"), time.perf_counter() + n / len(ids)
        while next_at < stop:
            await asyncio.sleep(max(0.0, next_at - time.perf_counter()))
            begun = time.perf_counter()
            await asker.ask()
            asked.append(time.perf_counter() - begun)
            next_at = max(next_at + 1, time.perf_counter())  # an answer that came late is not made up for
        asker.close()

    begun, started = cpu_seconds(child.pid), time.perf_counter()
    await asyncio.gather(*(ask(n, import_id) for n, import_id in enumerate(ids)))
    seconds = time.perf_counter() - started
    cpu = (cpu_seconds(child.pid) - begun) / seconds
    print(
        f"  baseline, {len(ids)} callers who ask every second: {cpu * 100:.0f} % of a core; it answered "
        f"{len(asked) / seconds:.0f} a second, p50 {percentile(asked, 0.5) * 1000:.0f} ms, "
        f"p99 {percentile(asked, 0.99) * 1000:.0f} ms",
        flush=True,
    )


async def crowd(child: Child, client: httpx.AsyncClient, count: int) -> None:
    """All watch the same import."""
    (import_id,) = await created(client, 1)
    async with opened(child, [f"/v1/imports/{import_id}/events"] * count) as streams:
        await asyncio.sleep(1)
        begun = cpu_seconds(child.pid)
        (await client.post(f"/v1/imports/{import_id}/cancel")).raise_for_status()
        await asyncio.wait_for(asyncio.gather(*(stream.ended.wait() for stream in streams)), 60)
        cpu = cpu_seconds(child.pid) - begun
        late = [
            stream.wait[-1][0] - datetime.fromisoformat(str(stream.wait[-1][1]["at"])).timestamp() for stream in streams
        ]
    print(
        f"  {count} watch one import, and it ends: p50 {percentile(late, 0.5) * 1000:.0f} ms, "
        f"p99 {percentile(late, 0.99) * 1000:.0f} ms, {cpu:.2f} CPU seconds in all",
        flush=True,
    )


async def bare(folder: Path, count: int) -> None:
    port = free_port()
    child = Child([sys.executable, "-m", "benchmarks.bare", str(port), str(folder)], f"http://127.0.0.1:{port}", folder)
    try:
        found = await idle(child, ["/events"] * count, until=b"retry:")
    finally:
        child.end()
    print(f"  baseline, {count} streams of a bare Starlette endpoint: {found}", flush=True)


async def measure(kind: str, count: int, moving: int) -> None:
    print(kind)
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        await bare(folder, count)
        child = stack.enter_context(service(folder, stack.enter_context(database(kind, folder))))
        async with httpx.AsyncClient(base_url=child.url, timeout=120) as client:
            ids = await created(client, count)
            await watch(child, client, ids, moving)
            await crowd(child, client, count)
            await poll(child, ids)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--watchers", type=int, default=2000)
    asked.add_argument("--moving", type=int, default=500, help="imports that end meanwhile")
    asked.add_argument("--database", nargs="*", default=["sqlite", "postgresql"])
    given = asked.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(f"watchers on {describe_machine()}")
    for kind in given.database:
        asyncio.run(measure(kind, given.subscribers, given.moving))


if __name__ == "__main__":
    main()
