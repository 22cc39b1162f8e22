"""Does anything grow in a year? `python -m benchmarks.year`, or `make bench b=year a="--months 3"`.

A simulated year of traffic with retention on, by a clock that is moved on: each day files come in, some rows of which
are rejected, go to a simulated Marketo and are followed to their end; maintenance runs every six hours. Retention is
shortened so that a month has all of it (7, 14 and 28 days), and everything should be flat from the second month on: the
database's size and rows, memory, open files, the time of a tick with nothing to do, of one with work, and of
maintenance (a quarter of a month's took less). It exits 1 where something is not. PostgreSQL's autovacuum goes by real
time, so VACUUM stands for it once a day.
"""

import argparse
import asyncio
import gc
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import structlog
from sqlalchemy import func, select, text

from app.store.database import Database
from app.store.tables import metadata
from benchmarks.support import database, describe_machine, percentile, scratch
from tests.support.clock import SteppedClock
from tests.support.heap import settle
from tests.support.stage import Stage, staged

DAY_SECONDS = 86_400
MONTH_DAYS = 30
SWEEPS = 4  # a day
RETENTION = {"file_retention_days": 7, "result_retention_days": 14, "history_retention_days": 28}
BAD_ROWS = 3  # of each file
QUARTER = 0.25
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Measure:
    """What is looked at each month, and by how much a later month may have more of it than the second."""

    name: str
    times: float
    beside: float  # or so much more, where that is more: the machine's own unrest


MEASURES = (
    Measure("rows", 1.05, 50),
    Measure("size MB", 1.15, 1),
    Measure("idle ms", 1.5, 2),
    Measure("busy ms", 1.5, 5),
    Measure("sweep ms", 1.5, 20),
    Measure("memory MB", 1.1, 8),
    Measure("open files", 1.0, 3),
)


@dataclass
class Month:
    """The times of one month, in milliseconds."""

    idle: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    sweeps: list[float] = field(default_factory=list)


async def milliseconds(deed: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await deed()
    return (time.perf_counter() - begun) * 1000


def a_file(number: int, rows: int) -> bytes:
    """The same people every week, so that Marketo's records do not grow; some scores are no numbers."""
    people = [(number * rows + n) % (rows * 50) for n in range(rows)]
    lines = [f"p{who}@example.com,{'none' if n < BAD_ROWS else n}\n" for n, who in enumerate(people)]
    return ("email,leadScore\n" + "".join(lines)).encode()


async def a_day(stage: Stage, number: int, files: int, rows: int, month: Month) -> None:
    """Files come in over a quarter of a day, and are followed to their end; then six hours pass, four times."""
    for n in range(files):
        headers = {"Content-Type": "text/csv", "Idempotency-Key": f"{number}-{n}"}
        content = a_file(number * files + n, rows)
        answer = await stage.api.post("/v1/imports", content=content, headers=headers)
        assert answer.status_code == 202, answer.text
        while not await stage.quiet():
            month.busy.append(await milliseconds(stage.beat))
            stage.clock.step(5)
    for _ in range(SWEEPS):
        month.sweeps.append(await milliseconds(stage.maintenance.run_once))
        stage.clock.step(DAY_SECONDS / SWEEPS - 60 * files / SWEEPS)
        await stage.beat()
        stage.clock.step(5)
        month.idle.append(await milliseconds(stage.beat))
    forget_the_simulators(stage)


def forget_the_simulators(stage: Stage) -> None:
    """What the simulator and the stage remember is not the service's."""
    del stage.simulator._history.jobs[:-50]  # noqa: SLF001
    stage.posted.clear()
    stage.asked.clear()


async def looked_at(db: Database, month: Month) -> dict[str, float]:
    """What there is at the end of a month."""
    await settle(db)
    gc.collect()
    async with db.read() as tx:
        counts = [
            (await tx.execute(select(func.count()).select_from(table))).scalar_one() for table in metadata.sorted_tables
        ]
        size = (
            None
            if db.on_sqlite
            else (await tx.execute(text("SELECT pg_database_size(current_database())"))).scalar_one()
        )
    if size is None:
        assert db.path
        size = db.path.stat().st_size
    return {
        "rows": sum(counts),
        "size MB": size / 1e6,
        "idle ms": percentile(month.idle, QUARTER),
        "busy ms": percentile(month.busy, QUARTER),
        "sweep ms": percentile(month.sweeps, QUARTER),
    } | of_this_process()


def of_this_process() -> dict[str, float]:
    resident_pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {"memory MB": resident_pages * PAGE_BYTES / 1e6, "open files": len(list(Path("/proc/self/fd").iterdir()))}


async def live(url: str, given: argparse.Namespace) -> list[dict[str, float]]:
    """The months, each as it stands at its end."""
    clock, months = SteppedClock(), []
    async with staged(url, clock, bundle_seconds=20, **RETENTION) as stage:
        for number in range(given.months):
            month = Month()
            for day in range(MONTH_DAYS):
                await a_day(stage, number * MONTH_DAYS + day, given.files, given.rows, month)
                await settle(stage.container.db)
            months.append(await looked_at(stage.container.db, month))
            told = "".join(f"{value:12.1f}" for value in months[-1].values())
            print(f"  {number + 1:5}{told}", flush=True)
    return months


def grown(months: list[dict[str, float]]) -> list[str]:
    """What the last months have more of than the second had."""
    if len(months) < 3:  # nothing to compare with
        return []
    second, found = months[1], []
    for measure in MEASURES:
        least = second[measure.name]
        most = max(least * measure.times, least + measure.beside)
        late = median(month[measure.name] for month in months[-3:])
        if late > most:
            found.append(f"{measure.name}: {least:.1f} in the second month, {late:.1f} in the last ones")
    return found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", nargs="*", default=["sqlite", "postgresql"])
    options.add_argument("--months", type=int, default=12)
    options.add_argument("--files", type=int, default=4, help="a day")
    options.add_argument("--rows", type=int, default=100, help="of a file")
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(f"a year on {describe_machine()}; {given.files} files of {given.rows} rows a day")
    complaints = []
    for kind in given.database:
        with ExitStack() as stack:
            url = stack.enter_context(database(kind, stack.enter_context(scratch())))
            print(f"\n{kind}\n  month{''.join(f'{measure.name:>12}' for measure in MEASURES)}")
            begun = time.perf_counter()
            months = asyncio.run(live(url, given))
            print(f"  in {time.perf_counter() - begun:.0f} s")
        complaints += [f"{kind}: {complaint}" for complaint in grown(months)]
    for complaint in complaints:
        print(f"NOT FLAT: {complaint}")
    print("flat from the second month on" if not complaints else "")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
