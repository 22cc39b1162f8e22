"""The ticks: which step, how often."""

from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

from app.domain.timeouts import SWEEP_TICKS
from app.steps.crew import Crew
from app.steps.lease import Lease

TICKS = ("submit", "poll", "collect", "sweep")
Step = Callable[[Lease], Awaitable[bool]]


class Tick(NamedTuple):
    name: str
    step: Step
    seconds: float


def ticks(crew: Crew, tick_seconds: float) -> Iterator[Tick]:
    steps: tuple[Step, ...] = (
        crew.submit.run_once,
        crew.poll.run_once,
        crew.collect.run_once,
        crew.sweep.run_once,
    )
    for name, step in zip(TICKS, steps, strict=True):
        yield Tick(name, step, tick_seconds * (SWEEP_TICKS if name == "sweep" else 1))
