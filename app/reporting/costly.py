"""Sums that take long to read: kept for a time in proportion, so that they cost little however many ask for them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.clock import Clock

KEPT_TIMES = 20.0  # as long as it took to read: at most a twentieth of a core goes into reading it
CHEAP_SECONDS = 0.01  # what takes no longer is read anew each time
MOST_KEPT_SECONDS = 10.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    until: float  # by the monotonic clock


@dataclass(slots=True)
class Costly(Generic[T]):
    """A value by its name, as it was a moment ago: for as much longer a moment as it took longer to read.

    Where little waits that is no time at all: what is told then is as of now.
    """

    now: Clock
    least_seconds: float = 0.0  # how long it is kept in any case
    _kept: dict[str, _Kept[T]] = field(default_factory=dict)

    async def get(self, name: str, read: Callable[[], Awaitable[T]]) -> T:
        """Errors: those of `read`, which is asked where nothing is kept."""
        begun = self.now.monotonic()
        kept = self._kept.get(name)
        if kept is not None and begun < kept.until:
            return kept.value
        value = await read()
        took = self.now.monotonic() - begun
        kept_seconds = min(MOST_KEPT_SECONDS, KEPT_TIMES * took) if took > CHEAP_SECONDS else 0.0
        self._kept[name] = _Kept(value, begun + max(self.least_seconds, kept_seconds))
        return value
