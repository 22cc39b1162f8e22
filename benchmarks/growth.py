"""Does a tick cost more, the more there is? `python -m benchmarks.growth`, or `make bench b=growth`.

With ten, a thousand and a hundred thousand waiting parts, and a million finished ones behind them: what each step's look
costs, a claim, and what people and machines ask for. The baseline is the same with ten waiting parts and nothing
finished; the ratio to it should stay near one.
"""

import argparse
import asyncio
import resource
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

from sqlalchemy import text

from app.domain.lifecycle import Move
from app.store import parts
from app.store.database import Database
from benchmarks.support import database, describe_machine, scratch
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

FINISHED = 1_000_000
STEPS = ((0, 10), (FINISHED, 10), (FINISHED, 1000), (FINISHED, 100_000))  # (finished, waiting)
FLAT = 2.0  # times the baseline, or FLAT_MS more: below that it is the machine's own unrest
FLAT_MS = 2.0
NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})",
    "postgresql": "WITH n AS (SELECT i FROM generate_series({first}, {last}) AS i)",
}
IMPORT = (
    "id, instance, client, object_type, format, charset, lookup_field, priority, preflight, on_unconfirmed, columns, "
    "rows, status, imported, touched_at, created_at, started_at, finished_at"
)
PART = (
    "id, import_id, number, instance, priority, client, turn, state, space, key_fields, first_row, rows, bytes, "
    "imported, state_since, submitted_at, finished_at"
)


async def fill(db: Database, first: int, last: int, *, finished: bool, clock: SteppedClock) -> None:
    """Imports of one part each, with these ids; the finished ones spread over ninety days."""
    kind = "sqlite" if db.on_sqlite else "postgresql"
    numbers = NUMBERS[kind].format(first=first, last=last)
    now = f"{clock():%Y-%m-%dT%H:%M:%S.000000Z}"
    seconds = "(60 + i * 7 % 7775940)" if finished else "0"
    if db.on_sqlite:
        at = f"strftime('%Y-%m-%dT%H:%M:%S.000000Z', '{now}', '-' || {seconds} || ' seconds')"
    else:
        at = f"'{now}'::timestamptz - make_interval(secs => {seconds})"
    ended = at if finished else "NULL"
    status, state = ("complete", "complete") if finished else ("queued", "waiting")
    columns = "'[\"email\"]'" + ("" if db.on_sqlite else "::jsonb")
    imported = 3 if finished else 0
    no = "0" if db.on_sqlite else "false"
    async with db.write() as tx:
        await tx.execute(
            text(
                f"INSERT INTO import ({IMPORT}) {numbers} SELECT i, 'default', 'local', 'lead', 'csv', 'utf-8', 'email', "
                f"5, 'header', 'resubmit', {columns}, 3, '{status}', {imported}, {at}, {at}, {ended}, {ended} FROM n"
            )
        )
        await tx.execute(
            text(
                f"INSERT INTO part ({PART}, results_missing) {numbers} SELECT i, i, 1, 'default', 5, 'local', i, "
                f"'{state}', 'people', 'email', 1, 3, 8, {imported}, {at}, {ended}, {ended}, {no} FROM n"
            )
        )
        for event in ("accepted", "claim", "accept", "finish") if finished else ("accepted",):
            await tx.execute(
                text(
                    f"INSERT INTO event (at, instance, import_id, part_number, type, data) {numbers} "
                    f"SELECT {at}, 'default', i, 1, '{event}', '{{}}' FROM n"
                )
            )
        digests = "zeroblob(24)" if db.on_sqlite else r"'\x000000000000000000000000000000000000000000000000'"
        if not finished:
            await tx.execute(text(f"INSERT INTO part_keys (part_id, digests) {numbers} SELECT i, {digests} FROM n"))
            blob = "zeroblob(8)" if db.on_sqlite else r"'\x00'"
            await tx.execute(text(f"INSERT INTO part_file (part_id, blob) {numbers} SELECT i, {blob} FROM n"))


async def settle(db: Database) -> None:
    """What the databases' own housekeeping would have done."""
    if db.on_sqlite:
        async with db.write() as tx:
            await tx.execute(text("PRAGMA wal_checkpoint(PASSIVE)"))
        return
    async with db._writer.connect() as line:  # noqa: SLF001  # outside a transaction
        await (await line.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE"))


async def claim(stage: Stage) -> None:
    """Choose a part, judge it, and claim it; and put it back."""
    submit = stage.crew.submit
    chosen, _ = await submit._choose(stage.lease)  # noqa: SLF001
    assert chosen, "something may go"
    part = await submit._claim(stage.lease, chosen)  # noqa: SLF001
    assert part, "it went"
    submit.judge.forget(part)
    async with submit.driver.writing(stage.lease) as (tx, _):
        await parts.move(tx, part.id, Move.TURN_AWAY, at=stage.clock())


def asked(path: str) -> Callable[[Stage], Awaitable[object]]:
    async def ask(stage: Stage) -> None:
        answer = await stage.api.get(path)
        assert answer.status_code == 200, answer.text

    return ask


DEEDS: dict[str, Callable[[Stage], Awaitable[object]]] = {
    "claim": claim,
    "poll": lambda stage: stage.crew.poll.run_once(stage.lease),
    "collect": lambda stage: stage.crew.collect.run_once(stage.lease),
    "sweep": lambda stage: stage.crew.sweep.run_once(stage.lease),
    "GET /v1/status": asked("/v1/status"),
    "GET /metrics": asked("/metrics"),
    "GET /v1/instances": asked("/v1/instances"),
    "GET /v1/imports": asked("/v1/imports?page_size=50"),
    "…?status=queued": asked("/v1/imports?page_size=50&status=queued"),
    "…?status=complete": asked("/v1/imports?page_size=50&status=complete"),
    "…?client=nobody": asked("/v1/imports?client=nobody"),
    "…?label=nothing": asked("/v1/imports?label=nothing"),
    "…?attention=true": asked("/v1/imports?attention=true"),
}


async def cost(stage: Stage, deed: Callable[[Stage], Awaitable[object]], times: int) -> float:
    """Milliseconds, the median."""
    await deed(stage)
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        await deed(stage)
        found.append(time.perf_counter() - begun)
    return statistics.median(found) * 1000


async def measure(url: str, times: int) -> dict[str, list[float]]:
    clock = SteppedClock()
    costs: dict[str, list[float]] = {name: [] for name in DEEDS}
    async with staged(url, clock, backlog_parts=10**9) as stage:
        there = {True: 0, False: 0}
        for finished, waiting in STEPS:
            for done, wanted in ((True, finished), (False, waiting)):
                if wanted > there[done]:
                    first = there[done] + 1 + (0 if done else 2 * FINISHED)
                    last = wanted + (0 if done else 2 * FINISHED)
                    await fill(stage.house.db, first, last, finished=done, clock=clock)
                    there[done] = wanted
            await settle(stage.house.db)
            for name, deed in DEEDS.items():
                costs[name].append(await cost(stage, deed, times))
    return costs


def table(costs: dict[str, Any]) -> None:
    head = [f"{waiting:,} / {finished:,}" for finished, waiting in STEPS]
    print(f"  {'ms, by waiting / finished':26}" + "".join(f"{told:>22}" for told in head))
    for name, (base, *others) in costs.items():
        flat = all(other <= max(FLAT * base, base + FLAT_MS) for other in others)
        told = "".join(f"{other:14.2f} ({other / base:5.2f})" for other in others)
        print(f"  {name:26}{base:22.2f}{told}   {'flat' if flat else 'NOT FLAT'}", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", nargs="*", default=["sqlite", "postgresql"])
    options.add_argument("--times", type=int, default=15)
    given = options.parse_args()
    print(f"growth on {describe_machine()}")
    for kind in given.database:
        with ExitStack() as stack:
            url = stack.enter_context(database(kind, stack.enter_context(scratch())))
            begun = time.perf_counter()
            costs = asyncio.run(measure(url, given.times))
        print(f"\n{kind}; measured and filled in {time.perf_counter() - begun:.0f} s")
        table(costs)
    print(f"\nthis process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB peak")


if __name__ == "__main__":
    main()
