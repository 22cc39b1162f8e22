"""What the pages cost: `python -m benchmarks.pages`, or `make bench b=pages`.

With a hundred thousand parts waiting and a million finished imports: how long each page takes, and what it weighs with
all of its files; and what two hundred open pages cost the server, each asking again as a browser does. Beside these,
in the same run: as many clients that ask as often for a page of a bare Starlette, which always answers that it is as it
was.

The pages are found by following links from the rail: one of each kind. What is not there is told.
"""

import argparse
import asyncio
import logging
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import structlog

from app.container import build_container
from app.domain.api_keys import Scope
from app.settings import exactly
from app.store import instances
from benchmarks.support import (
    Child,
    cpu_seconds,
    database,
    describe_machine,
    free_port,
    peak_mb,
    percentile,
    scratch,
    service,
    verdict,
)
from tests.support.heap import fill, settle

FINISHED, WAITING = 1_000_000, 100_000
OPEN_PAGES, OPENING_SECONDS, OPEN_SECONDS, IDLE_SECONDS = 200, 30.0, 30.0, 10.0
MOST_MS, MOST_BYTES, MOST_CORE = 150.0, 200_000, 0.10
SOON_SECONDS, QUIET_SECONDS, QUIET_MOST_SECONDS = 5.0, 10.0, 20.0  # between two looks, as in static/live.js
MOST_KINDS = 40
HTML = "text/html"


async def prepare(url: str, finished: int, waiting: int) -> str:
    """Fill the database. The text of a key that may see everything."""
    instance = {"base_url": "http://127.0.0.1:9", "client_id": "id", "client_secret": "secret"}
    container = build_container(exactly(database_url=url, instances={"default": instance}))
    now = datetime.now(UTC)
    try:
        async with container.db.write() as tx:
            await instances.ensure(tx, ["default"])
        await fill(container.db, 1, finished, finished=True, clock=lambda: now)
        await fill(container.db, 2 * finished + 1, 2 * finished + waiting, finished=False, clock=lambda: now)
        await settle(container.db)
        await container.pause.run("default", reason="so that nothing but the pages costs anything", by="benchmark")
        _, text = await container.keys.create("local", [Scope.ADMIN])
        return text
    finally:
        await container.close()


@dataclass(frozen=True)
class Weight:
    status: int
    page_bytes: int
    files_bytes: int


@dataclass(frozen=True)
class Cost:
    """Of one page, in milliseconds: until it was there, and of that, what the process worked, whatever else ran."""

    wall: float
    cpu: float


def thread_seconds(pid: int) -> float:
    """The time that a process's threads have worked, to the nanosecond. Linux, proc(5), `schedstat`."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


class Pages:
    """A browser that is signed in, and follows links."""

    def __init__(self, url: str, key: str) -> None:
        self.client = httpx.Client(base_url=url, headers={"Accept": HTML}, timeout=120)
        self.url, self.key = url, key
        self._sign_in(self.client)

    def _sign_in(self, client: httpx.Client) -> str:
        """The cookie of a session."""
        signed_in = client.post("/sign-in", data={"key": self.key})
        assert signed_in.status_code == 303, signed_in.text
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())

    def cookies(self, number: int) -> list[str]:
        """Of so many other browsers, each signed in by itself."""
        return [self._sign_in(httpx.Client(base_url=self.url, timeout=120)) for _ in range(number)]

    def find(self) -> dict[str, Weight]:
        """One page of each kind that links lead to, by its address, beginning with the rail."""
        rail = re.findall(r'<li><a href="(/[^"?#]*)"', self.client.get("/").text)
        found: dict[str, Weight] = {}
        kinds: set[str] = set()
        following = list(rail)
        while following and len(found) < MOST_KINDS:
            path = following.pop(0)
            kind = re.sub(r"\d+", "N", path)
            if kind in kinds:
                continue
            kinds.add(kind)
            answer = self.client.get(path)
            found[path] = Weight(answer.status_code, len(answer.content), self._files(answer.text))
            following += re.findall(r'href="(/(?!static/|docs|problems/|v1/)[^"?#]+)"', answer.text)
        return found

    def _files(self, text: str) -> int:
        """The bytes of all that a page loads, and of what that loads."""
        waiting, sizes = re.findall(r'"(/static/[^"]+)"', text), dict[str, int]()
        while waiting:
            if (path := waiting.pop()) not in sizes:
                answer = self.client.get(path)
                sizes[path] = len(answer.content)
                folder = path.rpartition("/")[0]
                waiting += [f"{folder}/{name}" for name in re.findall(r'from "\./([^"]+)"', answer.text)]
        return sum(sizes.values())

    def _forget(self) -> None:
        """Have every page made anew, as after something was done: here, to pause once more what is paused."""
        csrf = re.findall(r'name="csrf" content="(\w+)"', self.client.get("/send").text)[0]
        paused = self.client.post("/instances/default/pause", data={"csrf": csrf, "back": "/send"})
        assert paused.status_code == 303, paused.text

    def times(self, pid: int, paths: Sequence[str], rounds: int) -> dict[str, list[Cost]]:
        """What each page costs, made anew each time."""
        result: dict[str, list[Cost]] = {path: [] for path in paths}
        for _ in range(rounds):
            for path in paths:
                self._forget()
                begun, cpu = time.perf_counter(), thread_seconds(pid)
                self.client.get(path)
                result[path].append(Cost((time.perf_counter() - begun) * 1000, (thread_seconds(pid) - cpu) * 1000))
        return result


async def look_on(address: tuple[str, int], path: str, cookie: str, between: tuple[float, float]) -> tuple[int, int]:
    """An open page, as its script asks again: (how often it asked, how often it was told news) between these times.

    By then it has been open for a while, and asks less often where nothing has changed.
    """
    since, until = between
    reader, writer = await asyncio.open_connection(*address, limit=1 << 20)
    asked = changed = 0
    tag, quiet = "", QUIET_SECONDS
    await asyncio.sleep(random.random() * SOON_SECONDS)
    while time.monotonic() < until:
        known = f"If-None-Match: {tag}\r\n" if tag else ""
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {address[0]}\r\nAccept: {HTML}\r\nCookie: {cookie}\r\n{known}\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        status = int(head.split()[1])
        if length := re.search(r"content-length: (\d+)", head):
            await reader.readexactly(int(length[1]))
        is_counted = time.monotonic() >= since
        asked += is_counted
        assert status in {200, 304}, head
        wait, quiet = quiet, min(QUIET_MOST_SECONDS, quiet * 1.5)
        if status == 200:
            changed += is_counted
            wait, quiet = SOON_SECONDS, QUIET_SECONDS
            found = re.search(r"etag: (.+?)\r\n", head)
            tag = found[1].replace('w/"', 'W/"') if found else ""
        await asyncio.sleep(min(wait, max(0.0, until - time.monotonic())))
    writer.close()
    return asked, changed


@dataclass(frozen=True)
class Watched:
    share: float  # of a core
    asked: int
    changed: int


async def watch(child: Child, paths: Sequence[str], cookies: Sequence[str], seconds: float) -> Watched:
    """So many pages open at once, each in a browser of its own."""
    host, _, port = child.url.removeprefix("http://").partition(":")
    begun = time.monotonic() + OPENING_SECONDS
    pairs = zip(paths, cookies, strict=True)
    looks = [look_on((host, int(port)), path, cookie, (begun, begun + seconds)) for path, cookie in pairs]
    looking = asyncio.gather(*looks)
    await asyncio.sleep(begun - time.monotonic())
    cpu = cpu_seconds(child.pid)
    counts = await looking
    share = (cpu_seconds(child.pid) - cpu) / (time.monotonic() - begun)
    return Watched(share, sum(asked for asked, _ in counts), sum(changed for _, changed in counts))


def idle(child: Child) -> float:
    """The share of a core that the process takes while nobody asks."""
    cpu = cpu_seconds(child.pid)
    time.sleep(IDLE_SECONDS)
    return (cpu_seconds(child.pid) - cpu) / IDLE_SECONDS


def told_pages(found: dict[str, Weight], costs: dict[str, list[Cost]]) -> None:
    print(f"  {'page':40}{'median ms':>10}{'worst':>8}{'CPU':>8}{'page KB':>9}{'in all KB':>10}")
    for path, weight in found.items():
        if weight.status != 200:
            print(f"  {path:40} answered {weight.status}")
            continue
        whole = weight.page_bytes + weight.files_bytes
        wall, cpu = [cost.wall for cost in costs[path]], percentile([cost.cpu for cost in costs[path]], 0.5)
        median, worst = percentile(wall, 0.5), max(wall)
        short = "" if median < MOST_MS and whole < MOST_BYTES else "   SHORT OF THE AIM"
        sizes = f"{weight.page_bytes / 1000:9.1f}{whole / 1000:10.1f}"
        print(f"  {path:40}{median:10.1f}{worst:8.1f}{cpu:8.1f}{sizes}{short}", flush=True)


def measure(kind: str, given: argparse.Namespace) -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        url = stack.enter_context(database(kind, folder))
        begun = time.perf_counter()
        key = asyncio.run(prepare(url, given.finished, given.waiting))
        print(f"\n{kind}: filled in {time.perf_counter() - begun:.0f} s", flush=True)
        # without a worker, where that can be: what it does meanwhile is not the pages'
        role = "api" if kind == "postgresql" else "all"
        child = stack.enter_context(service(folder, url, role=role, AUTH="on"))
        pages = Pages(child.url, key)
        found = pages.find()
        good = [path for path, weight in found.items() if weight.status == 200]
        told_pages(found, pages.times(child.pid, good, given.rounds))
        cookies = pages.cookies(OPEN_PAGES)
        alone = idle(child)
        for name, paths in _mixes(good).items():
            watched = asyncio.run(watch(child, paths, cookies, given.seconds))
            cost = watched.share - alone
            print(
                f"  {len(paths)} open {name} for {given.seconds:.0f} s: {watched.share * 100:.1f} % of a core, "
                f"{alone * 100:.1f} % without them; asked {watched.asked}, changed {watched.changed}. "
                f"{verdict(cost < MOST_CORE, 'under 10 % of a core')}",
                flush=True,
            )
        print(f"  the server's memory at most: {peak_mb(child.pid):.0f} MB")
        bare = Child(
            [sys.executable, "-m", "benchmarks.bare", str(port := free_port()), str(folder)],
            f"http://127.0.0.1:{port}",
            folder,
        )
        stack.callback(bare.end)
        watched = asyncio.run(watch(bare, ["/page"] * OPEN_PAGES, cookies, given.seconds))
        print(f"  baseline, a bare Starlette: {watched.share * 100:.1f} % of a core; asked {watched.asked}")


def _mixes(good: Sequence[str]) -> dict[str, list[str]]:
    """What is open at once: overviews alone, and all pages in turn."""
    every: Callable[[int], str] = lambda number: good[number % len(good)]  # noqa: E731
    return {"overviews": ["/"] * OPEN_PAGES, "pages of all kinds": [every(number) for number in range(OPEN_PAGES)]}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", nargs="*", default=["sqlite", "postgresql"])
    options.add_argument("--finished", type=int, default=FINISHED)
    options.add_argument("--waiting", type=int, default=WAITING)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=OPEN_SECONDS)
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(f"pages on {describe_machine()}")
    for kind in given.database:
        measure(kind, given)


if __name__ == "__main__":
    main()
