"""How many imports are created a second, and how long a read takes among a million: `make bench b=api`.

Creates are durable: each is committed to disk before it is answered. Beside them, in the same run and with as many
callers: a bare FastAPI service on the same engine, which stores the body with one INSERT and reads it with one SELECT;
the database's own commits, one INSERT of the same bytes in each, by the bare driver; and a bare Starlette endpoint that
reads the body and answers, which tells what the callers themselves can do. Reads: one import, and a page of the list,
first and a thousandth, with a million imports stored.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from app.container import build_container
from app.domain.api_keys import Scope
from app.settings import exactly
from app.store.database import Database
from benchmarks.callers import WARM_UP_SECONDS
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

FILE = b"email,firstName\n" + b"".join(b"p%04d@example.com,Pat\n" % n for n in range(43))  # 1 KB
LATER = "/v1/imports?not_before=2099-01-01T00:00:00Z&preflight=off"  # nothing goes to Marketo meanwhile
SHARES = {1: 0.4}  # of the bare service, by callers
SHARE = 0.5  # with more callers, and of reads
IDEMPOTENT_SHARE = 0.8  # of creates without an Idempotency-Key
CPU_SECONDS = 0.002  # a create, with many callers
READ_SECONDS = 0.020
PAGES = 1000
PAGE_SIZE = 50
SAME_SECONDS = 0.002  # within so much, two 99th percentiles are the same


@dataclass(frozen=True)
class Run:
    per_second: float
    took: list[float]
    callers_cpu: float  # share of a core

    @property
    def told(self) -> str:
        return (
            f"{self.per_second:7.0f}/s  p50 {percentile(self.took, 0.5) * 1000:6.1f} ms  "
            f"p99 {percentile(self.took, 0.99) * 1000:6.1f} ms"
        )


def called(url: str, *, seconds: float, callers: int, **words: object) -> Run:
    options = [f"--{name}={value}" for name, value in words.items() if value and value is not True]
    options += [f"--{name}" for name, value in words.items() if value is True]
    command = [sys.executable, "-m", "benchmarks.callers", f"--url={url}", f"--callers={callers}", *options]
    done = subprocess.run([*command, f"--seconds={seconds}"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found = json.loads(done.stdout)
    return Run(found["per_second"], found["took"], found["cpu_seconds"] / (seconds + 1))


def key_for(url: str) -> str:
    """An API key, made where the database is."""

    async def make() -> str:
        instance = {"base_url": "http://127.0.0.1:9", "client_id": "x", "client_secret": "x"}
        container = build_container(exactly(database_url=url, instances={"default": instance}))
        try:
            return (await container.keys.create("bench", [Scope.SUBMIT, Scope.READ]))[1]
        finally:
            await container.close()

    return asyncio.run(make())


def creates(url: str, folder: Path, counts: list[int], seconds: float) -> None:
    key, body = key_for(url), folder / "file.csv"
    body.write_bytes(FILE)
    generous = {
        "AUTH": "on",
        "CLIENT_REQUESTS_PER_MINUTE": 10**9,
        "CLIENT_BACKLOG_PARTS": 10**9,
        "BACKLOG_PARTS": 10**9,
    }
    for callers in counts:
        commits = called(url, body=body, callers=callers, seconds=seconds)
        print(f"  {callers:2} callers  bare commits           {commits.told}", flush=True)
        with bare_service(folder, url) as child:
            bare, _ = measured(child, "/files", body=body, callers=callers, seconds=seconds)
        words: dict[str, Any] = {"body": body, "key": key, "callers": callers, "seconds": seconds}
        with service(folder, url, **generous) as child:
            plain, cpu = measured(child, LATER, **words)
        share = SHARES.get(callers, SHARE)
        ratio = plain.per_second / bare.per_second
        print(f"              {'':20} {ratio:.2f} of the bare service: {verdict(ratio >= share, str(share))}", end="; ")
        print(f"{cpu * 1000:.1f} ms of CPU each: {verdict(cpu <= CPU_SECONDS, f'{CPU_SECONDS * 1000:.0f} ms')}")
        with service(folder, url, **generous) as child:
            again, _ = measured(child, LATER, idempotent=True, **words)
        ratio = again.per_second / plain.per_second
        told = verdict(ratio >= IDEMPOTENT_SHARE, str(IDEMPOTENT_SHARE))
        print(f"              {'':20} with an Idempotency-Key {ratio:.2f} of those without: {told}", flush=True)


def measured(child: Child, path: str, *, seconds: float, **words: Any) -> tuple[Run, float]:
    """(the run, the CPU seconds of the service for each answer)."""
    before = cpu_seconds(child.pid)
    run = called(f"{child.url}{path}", seconds=seconds, **words)
    spent = cpu_seconds(child.pid) - before
    each = spent / (run.per_second * (seconds + WARM_UP_SECONDS))
    name, core = path.split("?", maxsplit=1)[0], spent / (seconds + WARM_UP_SECONDS)
    print(f"              {name:22} {run.told}  {core:.0%} of a core, ", end="")
    print(f"{each * 1000:.1f} ms each, {peak_mb(child.pid):.0f} MB; callers {run.callers_cpu:.0%}", flush=True)
    return run, each


@contextmanager
def bare_service(folder: Path, url: str) -> Iterator[Child]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bare_service", str(port), url]
    child = Child(command, f"http://127.0.0.1:{port}", folder)
    try:
        yield child
    finally:
        child.end()


def endpoint(folder: Path, counts: list[int], seconds: float) -> None:
    """What callers and a web framework can do without a database."""
    body, port = folder / "file.csv", free_port()
    body.write_bytes(FILE)
    command = [sys.executable, "-m", "benchmarks.bare", str(port), str(folder)]
    child = Child(command, f"http://127.0.0.1:{port}", folder)
    try:
        for callers in counts:
            run = called(f"{child.url}/read", body=body, callers=callers, seconds=seconds)
            print(f"  {callers:2} callers  bare endpoint          {run.told}  callers {run.callers_cpu:.0%} of a core")
    finally:
        child.end()


async def fill(url: str, count: int) -> None:
    """So many finished imports with a part and three events each, as the service would have left them."""
    db = Database(url)
    numbers = (
        f"generate_series(1, {count}) AS n(n)"
        if not db.on_sqlite
        else f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT n FROM s) AS n"
    )
    at = "'2026-11-04T12:00:00.000000Z'"
    imports = f"""
        INSERT INTO import (id, instance, client, object_type, format, charset, lookup_field, priority, preflight,
          on_unconfirmed, file_name, file_bytes, file_sha256, columns, rows, status, imported,
          touched_at, created_at, started_at, finished_at)
        SELECT n, 'default', 'bench', 'lead', 'csv', 'utf-8', 'email', 5, 'off', 'resubmit', 'leads.csv', 1024,
          '{"0" * 64}', '["email"]', 43, 'complete', 43, {at}, {at}, {at}, {at} FROM {numbers}"""
    parts = f"""
        INSERT INTO part (id, import_id, number, instance, priority, state, turn, client, space, key_fields, first_row,
          rows, bytes, imported, batch_id, attempts, counted, results_missing, state_since, submitted_at, started_at,
          finished_at)
        SELECT n, n, 1, 'default', 5, 'complete', n, 'bench', 'people', 'email', 1, 43, 1024, 43, n, 1, {{yes}}, {{no}},
          {at}, {at}, {at}, {at} FROM {numbers}"""
    events = f"""
        INSERT INTO event (at, instance, import_id, type, data)
        SELECT {at}, 'default', n, 'finished', '{{{{"status": "complete"}}}}' FROM {numbers}"""
    words = {"yes": "1", "no": "0"} if db.on_sqlite else {"yes": "true", "no": "false"}
    try:
        async with db.write() as tx:
            await tx.execute(text("INSERT INTO instance (name) VALUES ('default') ON CONFLICT DO NOTHING"))
            for statement in (imports, parts, events):
                await tx.exec_driver_sql(statement.format(**words))
            if not db.on_sqlite:
                for table in ("import", "part", "event"):
                    sequence = f"pg_get_serial_sequence('{table}', 'id')"
                    await tx.exec_driver_sql(f"SELECT setval({sequence}, {count})")
        async with db.write() as tx:
            await tx.exec_driver_sql("ANALYZE")
    finally:
        await db.close()


def reads(url: str, folder: Path, count: int, seconds: float) -> None:
    begun = time.perf_counter()
    asyncio.run(fill(url, count))
    print(f"  {count:,} imports stored in {time.perf_counter() - begun:.0f} s", flush=True)
    key = key_for(url)
    generous = {"AUTH": "on", "CLIENT_REQUESTS_PER_MINUTE": 10**9, "HISTORY_RETENTION_DAYS": 10**5}
    generous |= {"FILE_RETENTION_DAYS": 10**5, "RESULT_RETENTION_DAYS": 10**5}
    with bare_service(folder, url) as child:
        httpx.post(f"{child.url}/files", content=FILE).raise_for_status()
        bare, _ = measured(child, "/files/1", callers=1, seconds=seconds)
    with service(folder, url, **generous) as child:
        one, _ = measured(child, f"/v1/imports/{count // 2}", key=key, callers=1, seconds=seconds)
        told = verdict(percentile(one.took, 0.99) < READ_SECONDS, f"{READ_SECONDS * 1000:.0f} ms")
        ratio = one.per_second / bare.per_second
        print(
            f"  one import          {told}; {ratio:.2f} of a bare SELECT: {verdict(ratio >= SHARE, str(SHARE))}",
            flush=True,
        )
        found = {}
        for page, token in ((1, None), (PAGES, walked(child.url, key))):
            found[page] = called(
                f"{child.url}/v1/imports?page_size={PAGE_SIZE}" + (f"&page_token={token}" if token else ""),
                key=key,
                callers=1,
                seconds=seconds,
            )
            told = verdict(percentile(found[page].took, 0.99) < READ_SECONDS, f"{READ_SECONDS * 1000:.0f} ms")
            print(f"  page {page:5,} of 50     {found[page].told}  {told}", flush=True)
        first, last = (percentile(found[page].took, 0.5) for page in (1, PAGES))
        print(
            f"  page {PAGES:,} takes {last / first:.2f} of page 1 at the median   "
            f"{verdict(abs(last - first) < SAME_SECONDS, 'equal')}; {peak_mb(child.pid):.0f} MB peak",
            flush=True,
        )


def walked(url: str, key: str) -> str:
    """The token of page 1,000, as a caller comes by it: pages of 200 end where pages of 50 do."""
    token: str | None = None
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        for _ in range((PAGES - 1) * PAGE_SIZE // 200):
            words = {"page_size": 200} | ({"page_token": token} if token else {})
            token = client.get("/v1/imports", params=words).raise_for_status().json()["next_page_token"]
    assert token is not None
    return token


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--callers", type=int, nargs="*", default=[1, 16, 64])
    asked.add_argument("--seconds", type=float, default=5, help="of each measurement")
    asked.add_argument("--imports", type=int, default=1_000_000, help="stored while reading; 0 leaves that out")
    asked.add_argument("--database", nargs="*", default=["sqlite", "postgresql"])
    given = asked.parse_args()
    print(f"api on {describe_machine()}; files of {len(FILE)} bytes")
    with scratch() as folder:
        endpoint(folder, given.callers, given.seconds)
    for kind in given.database:
        print(f"\n{kind}")
        with ExitStack() as stack:
            folder = stack.enter_context(scratch())
            creates(stack.enter_context(database(kind, folder)), folder, given.callers, given.seconds)
        if given.imports:
            with ExitStack() as stack:
                folder = stack.enter_context(scratch())
                reads(stack.enter_context(database(kind, folder)), folder, given.imports, given.seconds)


if __name__ == "__main__":
    main()
