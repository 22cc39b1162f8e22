"""The timetable: how often each step of an instance runs."""

from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

from app.domain.timeouts import SWEEP_TICKS
from app.scheduling.lease import Lease
from app.worker.instance_worker import InstanceWorker

RECOVERY = "sweep"  # its name in logs, metrics and the database
MAINTENANCE = "tidy"  # its name in logs
TICKS = ("submit", "poll", "collect", RECOVERY)
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
        instance_worker.recovery.run_once,
    )
    for name, step in zip(TICKS, steps, strict=True):
        yield Tick(name, step, tick_seconds * (SWEEP_TICKS if name == RECOVERY else 1))
