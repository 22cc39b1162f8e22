"""How long does a migration keep others waiting? `python -m benchmarks.migrations`, or `make bench b=migrations`.

PostgreSQL with a million finished imports. While each migration runs, somebody reads and writes a row of each large
table, time and again: the longest wait for that should stay under a second. Beside it: the same without a migration,
and while an index is built as a migration must not build it.
"""

import argparse
import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
from alembic.script import ScriptDirectory

import migrations
from app.store.database import Database
from benchmarks.support import database, describe_machine, scratch, verdict
from tests.support.clock import SteppedClock
from tests.support.heap import fill, settle

TABLES = ("import", "part", "job", "event", "instance", "alembic_version")
MOST_SECONDS = 1.0
BEFORE_THE_RULE = "0019"  # what came before is not measured: those processes have to be stopped
PAUSE_SECONDS = 0.01
QUIET_SECONDS = 5.0
PLAIN_INDEX = "CREATE INDEX ix_plain ON import (file_name text_pattern_ops, id)"
AT_ONCE = 100_000  # imports that are put there with one statement


def touch(url: str, table: str, stop: threading.Event, waits: list[float]) -> None:
    """Read and write one row until it is told to stop; how long each took, in seconds."""
    key = {"instance": "name", "alembic_version": "version_num"}.get(table, "id")
    with psycopg.connect(url, autocommit=True) as line:
        while not stop.wait(PAUSE_SECONDS):
            begun = time.monotonic()
            line.execute(f'UPDATE "{table}" SET {key} = {key} WHERE {key} = (SELECT {key} FROM "{table}" LIMIT 1)')
            waits.append(time.monotonic() - begun)


@contextmanager
def touched(url: str) -> Iterator[dict[str, list[float]]]:
    """The waits of those who work with each table meanwhile."""
    stop, waits = threading.Event(), {table: list[float]() for table in TABLES}
    threads = [threading.Thread(target=touch, args=(url, table, stop, waits[table])) for table in TABLES]
    for thread in threads:
        thread.start()
    try:
        yield waits
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def longest(waits: dict[str, list[float]]) -> tuple[float, str]:
    """(seconds, the table)."""
    return max((max(times), table) for table, times in waits.items() if times)


async def fill_in(url: str, imports: int) -> None:
    db = Database(url)
    try:
        async with db.write() as tx:
            await tx.exec_driver_sql("INSERT INTO instance (name) VALUES ('default')")
        for first in range(1, imports + 1, AT_ONCE):
            last = min(first + AT_ONCE - 1, imports)
            await fill(db, first, last, finished=True, clock=SteppedClock())
        await settle(db)
    finally:
        await db.close()


def measure(url: str) -> float:
    """The longest wait of all, in seconds; a line is printed for each migration."""
    script = ScriptDirectory.from_config(migrations.config())
    migrations.downgrade(url, BEFORE_THE_RULE)
    with touched(url) as waits:
        time.sleep(QUIET_SECONDS)
    told("no migration", QUIET_SECONDS, waits)
    with touched(url) as waits:
        begun = time.monotonic()
        with psycopg.connect(url, autocommit=True) as line:
            line.execute(PLAIN_INDEX)
            took = time.monotonic() - begun
            line.execute("DROP INDEX ix_plain")
    told("plain index", took, waits)
    worst = 0.0
    for step in reversed(list(script.iterate_revisions("head", BEFORE_THE_RULE))):
        with touched(url) as waits:
            begun = time.monotonic()
            migrations.upgrade(url, step.revision)
            took = time.monotonic() - begun
        worst = max(worst, told(step.revision, took, waits))
    return worst


def told(what: str, took_seconds: float, waits: dict[str, list[float]]) -> float:
    """Print a line; the longest wait in seconds."""
    seconds, table = longest(waits)
    print(f"  {what:12} {took_seconds:8.1f} s, longest wait {seconds * 1000:7.0f} ms, for {table}", flush=True)
    return seconds


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--imports", type=int, default=1_000_000)
    given = options.parse_args()
    print(f"migrations on {describe_machine()}")
    with ExitStack() as stack:
        url = stack.enter_context(database("postgresql", stack.enter_context(scratch())))
        begun = time.monotonic()
        asyncio.run(fill_in(url, given.imports))
        print(f"{given.imports:,} finished imports, put there in {time.monotonic() - begun:.0f} s")
        worst = measure(url)
    print(verdict(met := worst <= MOST_SECONDS, f"nobody waits longer than {MOST_SECONDS:.0f} s ({worst:.2f} s)"))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
