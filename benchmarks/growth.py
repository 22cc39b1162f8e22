"""Does a tick cost more, the more there is? `python -m benchmarks.growth`, or `make bench b=growth`.

With ten, a thousand and a hundred thousand waiting parts, and a million finished ones behind them: what each step's
look costs, a claim, and what people and machines ask for. The baseline is the same with ten waiting parts and the last
day's finished ones; the ratio to it should stay near one.
"""

import argparse
import asyncio
import logging
import resource
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import structlog

from app.domain.lifecycle import Move
from app.store import jobs
from benchmarks.support import database, describe_machine, scratch
from tests.support.clock import SteppedClock
from tests.support.heap import fill, settle
from tests.support.stage import Stage, staged

FINISHED = 1_000_000
A_DAY = 12_000  # of them
STEPS = ((A_DAY, 10), (FINISHED, 10), (FINISHED, 1000), (FINISHED, 100_000))  # (finished, waiting)
FLAT = 2.0  # times the baseline, or FLAT_MS more: below that it is the machine's own unrest
FLAT_MS = 2.0


async def claim(stage: Stage) -> None:
    """Choose a part, judge it, see what rides along, and claim it; and put it back."""
    schedule = stage.instance_worker.submit.schedule
    chosen, _ = await schedule._choose(stage.lease)  # noqa: SLF001
    assert chosen, "something may go"
    job = await schedule._claim(stage.lease, await schedule.bundler.bundle(chosen.part))  # noqa: SLF001
    assert job, "it went"
    schedule.conflict_checker.forget(chosen.part)
    async with schedule.fenced.write(stage.lease) as (tx, _):
        await jobs.move(tx, job.id, Move.TURN_AWAY, at=stage.clock(), values={"due_at": None})


def asked(path: str) -> Callable[[Stage], Awaitable[object]]:
    async def ask(stage: Stage) -> None:
        answer = await stage.api.get(path)
        assert answer.status_code == 200, answer.text

    return ask


DEEDS: dict[str, Callable[[Stage], Awaitable[object]]] = {
    "claim": claim,
    "poll": lambda stage: stage.instance_worker.poll.run_once(stage.lease),
    "collect": lambda stage: stage.instance_worker.collect.run_once(stage.lease),
    "sweep": lambda stage: stage.instance_worker.recovery.run_once(stage.lease),
    "GET /v1/status": asked("/v1/status"),
    "GET /metrics": asked("/metrics"),
    "GET /v1/instances": asked("/v1/instances"),
    "GET /v1/imports": asked("/v1/imports?page_size=50"),
    "…?status=queued": asked("/v1/imports?page_size=10&status=queued"),
    "…?status=complete": asked("/v1/imports?page_size=10&status=complete"),
    "…?client=nobody": asked("/v1/imports?client=nobody"),
    "…?label=nothing": asked("/v1/imports?label=nothing"),
    "…?attention=true": asked("/v1/imports?attention=true"),
}


async def cost(stage: Stage, deed: Callable[[Stage], Awaitable[object]], times: int) -> float:
    """Milliseconds, the least of so many: what else the machine does is not ours."""
    await deed(stage)
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        await deed(stage)
        found.append(time.perf_counter() - begun)
    return min(found) * 1000


async def measure(url: str, times: int) -> dict[str, list[float]]:
    clock = SteppedClock()
    costs: dict[str, list[float]] = {name: [] for name in DEEDS}
    async with staged(url, clock, backlog_parts=10**9, bundle_seconds=20) as stage:
        there = {True: 0, False: 0}
        for finished, waiting in STEPS:
            for done, wanted in ((True, finished), (False, waiting)):
                if wanted > there[done]:
                    first = there[done] + 1 + (0 if done else 2 * FINISHED)
                    last = wanted + (0 if done else 2 * FINISHED)
                    await fill(stage.container.db, first, last, finished=done, clock=clock)
                    there[done] = wanted
            await settle(stage.container.db)
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
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
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
