"""The ticks: which step, how often."""

from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

from app.domain.timeouts import SWEEP_TICKS
from app.operations.instance_worker import InstanceWorker
from app.scheduling.lease import Lease

TICKS = ("submit", "poll", "collect", "sweep")
Step = Callable[[Lease], Awaitable[bool]]


class Tick(NamedTuple):
    name: str
    step: Step
    seconds: float


def timetable(instance_worker: InstanceWorker, tick_seconds: float) -> Iterator[Tick]:
    steps: tuple[Step, ...] = (
        instance_worker.submit.run_once,
        instance_worker.poll.run_once,
        instance_worker.collect.run_once,
        instance_worker.sweep.run_once,
    )
    for name, step in zip(TICKS, steps, strict=True):
        yield Tick(name, step, tick_seconds * (SWEEP_TICKS if name == "sweep" else 1))
