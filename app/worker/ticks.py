"""The ticks: which step, how often."""

from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

from app.domain.patience import SWEEP_TICKS
from app.steps.crew import Crew
from app.steps.lease import Lease

Step = Callable[[Lease], Awaitable[bool]]


class Tick(NamedTuple):
    name: str
    step: Step
    seconds: float


def ticks(crew: Crew, tick_seconds: float) -> Iterator[Tick]:
    yield Tick("submit", crew.submit.run_once, tick_seconds)
    yield Tick("poll", crew.poll.run_once, tick_seconds)
    yield Tick("collect", crew.collect.run_once, tick_seconds)
    yield Tick("sweep", crew.sweep.run_once, SWEEP_TICKS * tick_seconds)
