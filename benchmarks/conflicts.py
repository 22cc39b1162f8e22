"""What it costs to find out who may go: `python -m benchmarks.conflicts`, or `make bench b=conflicts`.

A thousand waiting parts of a hundred thousand keys each, none of which any other has, and one of high priority behind
them that must be held against all of them. Measured: the longest look of a tick, how many it took, and what the process
grew by. Beside it, in the same run: the same keys as Python sets, one after the other.
"""

import argparse
import asyncio
import os
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from app.files.record_keys import as_bytes, distinct
from app.store.tables import part_keys
from benchmarks.support import database, describe_machine, peak_mb, percentile, scratch, verdict
from tests.support.clock import SteppedClock
from tests.support.heap import fill, settle
from tests.support.stage import Stage, staged

AIM_MS, AIM_MB = 50.0, 100.0
FIRST = 10


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def keys_of(number: int, keys: int) -> np.ndarray:
    """The keys of one part: spread over the whole range, as digests are."""
    chance = np.random.default_rng(number)
    return distinct(chance.integers(1, 2**63, keys, dtype=np.uint64) * np.uint64(2))


async def prepare(stage: Stage, parts: int, keys: int) -> int:
    """So many parts with their keys, and one import of high priority behind them: its id."""
    db, at = stage.container.db, stage.clock
    await fill(db, FIRST, FIRST + parts - 1, finished=False, clock=at)
    async with db.write() as tx:
        await tx.execute(part_keys.delete())
    for number in range(FIRST, FIRST + parts):
        async with db.write() as tx:
            await tx.execute(insert(part_keys).values(part_id=number, digests=as_bytes(keys_of(number, keys))))
    content = b"email\n" + b"".join(b"u%d@example.com\n" % n for n in range(keys))
    made = await stage.created(content, priority=9)
    async with db.write() as tx:  # its turn is the last
        await tx.exec_driver_sql(f"UPDATE part SET turn = {FIRST + parts + 1} WHERE import_id = {made}")
    await settle(db)
    return made


async def looks(stage: Stage) -> list[float]:
    """Milliseconds of each look until the part went."""
    found = []
    while not stage.posted:
        begun = time.perf_counter()
        await stage.instance_worker.submit.schedule._choose(stage.lease)  # noqa: SLF001
        found.append((time.perf_counter() - begun) * 1000)
        line = stage.instance_worker.submit.schedule.conflict_checker.compared
        if found and line and all(one.looked_to == (0, 0) and one.before > (0, 0) for one in line.values()):
            return found
    return found


def as_sets(parts: int, keys: int) -> tuple[float, float]:
    """(milliseconds to hold one part's set against so many others, MB of one of them)."""
    before = resident_mb()
    ours = set(keys_of(0, keys).tolist())
    size = resident_mb() - before
    spent = 0.0
    for number in range(1, parts + 1):
        raw = as_bytes(keys_of(number, keys))
        begun = time.perf_counter()
        ours.isdisjoint(np.frombuffer(raw, "<u8").tolist())
        spent += time.perf_counter() - begun
    return spent * 1000, size


async def measure(kind: str, parts: int, keys: int) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(database(kind, stack.enter_context(scratch())))
        async with staged(url, SteppedClock(), backlog_parts=10**9) as stage:
            await prepare(stage, parts, keys)
            before, peak_before = resident_mb(), peak_mb(os.getpid())
            begun = time.process_time()
            took = await looks(stage)
            spent = time.process_time() - begun
            grown = max(resident_mb() - before, peak_mb(os.getpid()) - peak_before)
    print(
        f"{kind:12} {len(took)} looks, together {sum(took) / 1000:.1f} s ({spent:.1f} s of CPU); "
        f"each {percentile(took, 0.5):.0f} ms at the median, {percentile(took, 0.95):.0f} ms at the 95th percentile, "
        f"{max(took):.0f} ms the longest; {grown:.0f} MB more"
    )
    for aim, met in (
        (f"under {AIM_MS:.0f} ms a tick, at the median", percentile(took, 0.5) < AIM_MS),
        (f"under {AIM_MB:.0f} MB", grown < AIM_MB),
    ):
        print(f"    {verdict(met, aim)}", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--parts", type=int, default=1000)
    options.add_argument("--keys", type=int, default=100_000)
    options.add_argument("--database", nargs="*", default=["sqlite", "postgresql"])
    given = options.parse_args()
    print(f"check {given.parts} parts of {given.keys} keys on {describe_machine()}")
    for kind in given.database:
        asyncio.run(measure(kind, given.parts, given.keys))
    spent, size = as_sets(min(given.parts, 100), given.keys)
    whole = spent * given.parts / min(given.parts, 100) / 1000
    print(f"Python sets    {whole:.1f} s for the comparing alone, {size:.0f} MB for each part that is held")


if __name__ == "__main__":
    main()
