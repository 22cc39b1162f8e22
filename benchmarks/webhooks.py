"""How soon endpoints hear: `python -m benchmarks.webhooks`, or `make bench b=webhooks`.

10,000 imports a minute come to their end, those of 20 clients in turn. Each client has an endpoint; five of these are
dead: two refuse the connection, two take it and say nothing, one answers 500. Measured, for the endpoints that live:
from the end of an import, before its commit, until its receiver has it. Beside it, in the same run: how many imports a
second can be ended at all, with these endpoints and without any; and the memory of the process that does both.

The ends are written by this process, twenty in a transaction, as at the end of a bundled job. On SQLite the same
process sends, as there can be only one; on PostgreSQL another one does, as a worker beside others. The receivers are a
process of their own.
"""

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from multiprocessing.connection import Connection
from typing import Any

import structlog
from sqlalchemy import select

from app.api.webhook_data import WebhookData
from app.container import Container, build_container
from app.domain.imports import Request, SourceFile
from app.domain.lifecycle import Move
from app.domain.objects import Leads
from app.domain.webhooks import WebhookEvent
from app.settings import exactly
from app.store import imports, instances, jobs, parts, webhooks
from app.store.parts import NewPart
from app.store.tables import part
from app.worker.webhook_duty import build_webhook_duty
from benchmarks.support import database, describe_machine, free_port, peak_mb, percentile, scratch, verdict

CLIENTS, DEAD = 20, 5
A_MINUTE, AT_ONCE = 10_000, 20
WITHIN_SECONDS, RATIO = 2.0, 0.9
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
BROKEN = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"


def receive(results: Connection) -> None:
    """The receivers, in a process of their own: sends its port, then at the word of the other side what has come."""
    heard: dict[int, float] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
                body = await reader.readexactly(int(length.split(b":")[1]))
                if head.startswith(b"POST /silent"):
                    await asyncio.sleep(3600)
                if head.startswith(b"POST /live"):
                    heard.setdefault(json.loads(body)["data"]["id"], time.monotonic())
                writer.write(BROKEN if head.startswith(b"POST /broken") else OK)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        results.send(server.sockets[0].getsockname()[1])
        while True:
            await asyncio.to_thread(results.recv)
            results.send(dict(heard))

    asyncio.run(run())


async def make(container: Container, count: int) -> list[int]:
    """So many imports with a waiting part each, those of the clients in turn."""
    made = []
    for begun in range(0, count, 500):
        async with container.db.write() as tx:
            await instances.ensure(tx, ["default"])
            for number in range(begun, min(count, begun + 500)):
                asked, at = Request(target=Leads(), client=f"client-{number % CLIENTS}"), container.now()
                import_id = await imports.begin(tx, asked, at=at)
                await parts.add(tx, import_id, asked, NewPart(1, first_row=1, rows=1, size_bytes=8, blob=b"blob"))
                file = SourceFile(None, 8, "00", 1)
                accepted = await imports.accept(tx, import_id, file=file, columns=["email"], at=at)
                assert accepted
                await parts.release(tx, accepted, at=at)
            made += [import_id - n for n in range(min(count, begun + 500) - begun)][::-1]
    return made


async def finish(container: Container, import_ids: Sequence[int]) -> float:
    """Begin and end a job with a part of each of these imports, in one transaction; when that began."""
    begun = time.monotonic()
    async with container.db.write() as tx:
        at = container.now()
        its_parts = select(part.c.id).where(part.c.import_id.in_(import_ids)).order_by(part.c.turn)
        job = await jobs.claim(tx, (await tx.execute(its_parts)).scalars().all(), slot=1, due_at=at, at=at)
        await jobs.move(tx, job.id, Move.REFUSE, at=at, values={"error_code": "refused", "error_message": "No"})
    return begun


async def as_fast_as_possible(container: Container, made: Sequence[int]) -> float:
    """Imports ended a second."""
    begun = time.perf_counter()
    for place in range(0, len(made), AT_ONCE):
        await finish(container, made[place : place + AT_ONCE])
    return len(made) / (time.perf_counter() - begun)


async def at_pace(container: Container, made: Sequence[int]) -> tuple[dict[int, float], float]:
    """(when the end of each began, the seconds that all of it took)."""
    begun_at: dict[int, float] = {}
    start = time.monotonic()
    for number in range(0, len(made), AT_ONCE):
        await asyncio.sleep(max(0.0, start + number * 60 / A_MINUTE - time.monotonic()))
        ending = made[number : number + AT_ONCE]
        begun_at |= dict.fromkeys(ending, await finish(container, ending))
    return begun_at, time.monotonic() - start


async def add_endpoints(container: Container, port: int) -> set[str]:
    """An endpoint for each client; the clients whose endpoint lives."""
    refusing, live = (
        f"http://127.0.0.1:{free_port()}",
        [f"http://127.0.0.1:{port}/live/{n}" for n in range(CLIENTS - DEAD)],
    )
    dead = [refusing, refusing, f"http://127.0.0.1:{port}/silent", f"http://127.0.0.1:{port}/silent"]
    urls = [*dead, f"http://127.0.0.1:{port}/broken", *live]
    async with container.db.write() as tx:
        for number, url in enumerate(urls):
            values: dict[str, Any] = {"url": url, "events": [WebhookEvent.IMPORT_FINISHED], "description": None}
            secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
            await webhooks.add(tx, client=f"client-{number}", secret=secret, at=container.now(), **values)
    return {f"client-{number}" for number in range(DEAD, CLIENTS)}


def build(url: str) -> Container:
    marketo = {"base_url": "http://127.0.0.1:9", "client_id": "x", "client_secret": "x"}
    knobs: dict[str, Any] = {"webhook_http": "on", "webhook_networks": "127.0.0.0/8", "disk_floor_bytes": 0}
    return build_container(exactly(database_url=url, auth="off", instances={"default": marketo}, **knobs))


@asynccontextmanager
async def sending(container: Container) -> AsyncIterator[None]:
    """Send what is due, meanwhile."""
    duty, stop = build_webhook_duty(container, WebhookData(), worker="bench"), asyncio.Event()
    running = asyncio.create_task(duty.run(stop))
    yield
    stop.set()
    duty.shutdown_seconds = 1
    await running


def send_apart(url: str, until: Connection) -> None:
    """The same, in a process of its own; sends the memory that it took."""
    quiet()

    async def run() -> None:
        container = build(url)
        async with sending(container):
            until.send("ready")
            await asyncio.to_thread(until.recv)
        await container.close()

    asyncio.run(run())
    until.send(peak_mb(os.getpid()))


@asynccontextmanager
async def sending_apart(url: str) -> AsyncIterator[None]:
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=send_apart, args=(url, theirs), daemon=True)
    child.start()
    await asyncio.to_thread(ours.recv)
    yield
    ours.send("enough")
    print(f"{'':12} the process that sends: {await asyncio.to_thread(ours.recv):.0f} MB peak")
    child.join()


async def measure(kind: str, url: str, seconds: int, port: int, receivers: Connection) -> None:
    container = build(url)
    paced, probe = A_MINUTE * seconds // 60 // AT_ONCE * AT_ONCE, 200
    made = await make(container, paced + 6 * probe)
    rates: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(3):
        rates[False].append(await as_fast_as_possible(container, [made.pop() for _ in range(probe)]))
    await add_endpoints(container, port)
    made.reverse()
    async with sending(container) if container.db.on_sqlite else sending_apart(url):
        begun_at, took = await at_pace(container, [made.pop() for _ in range(paced)])
        await asyncio.sleep(WITHIN_SECONDS)
        receivers.send("what has come?")
        heard = await asyncio.to_thread(receivers.recv)
        for _ in range(3):
            rates[True].append(await as_fast_as_possible(container, [made.pop() for _ in range(probe)]))
    await container.close()
    live = [import_id for import_id in begun_at if (import_id - 1) % CLIENTS >= DEAD]
    waited = [heard[import_id] - begun_at[import_id] if import_id in heard else float("inf") for import_id in live]
    without, with_ = (statistics.median(rates[has_endpoints]) for has_endpoints in (False, True))
    shown = ", ".join(f"{name} {percentile(waited, share):.3f} s" for name, share in SHARES.items())
    print(f"{kind:12} {paced} imports in {took:.1f} s; {len(live)} for live endpoints: {shown}; ", end="")
    print(verdict(max(waited) <= WITHIN_SECONDS, f"all within {WITHIN_SECONDS} s"))
    print(f"{'':12} ended a second: {without:.0f} without endpoints, {with_:.0f} while sending; ", end="")
    print(verdict(with_ / without >= RATIO, f"{RATIO} of it (is {with_ / without:.2f})"), end="; ")
    print(f"{peak_mb(os.getpid()):.0f} MB peak", flush=True)


def quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


SHARES = {"median": 0.5, "p95": 0.95, "p99": 0.99, "longest": 1.0}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=int, default=30)
    asked.add_argument("--database", nargs="*", default=["sqlite", "postgresql"])
    given = asked.parse_args()
    quiet()
    print(f"{A_MINUTE} finished imports a minute, {CLIENTS} endpoints, {DEAD} of them dead, on {describe_machine()}")
    for kind in given.database:
        with ExitStack() as stack:
            ours, theirs = multiprocessing.Pipe()
            child = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,), daemon=True)
            child.start()
            stack.callback(child.terminate)
            url = stack.enter_context(database(kind, stack.enter_context(scratch())))
            asyncio.run(measure(kind, url, given.seconds, ours.recv(), ours))


if __name__ == "__main__":
    main()
