"""The simulator's time: seconds since the epoch, from the machine or from a test, and only ever forward."""

from __future__ import annotations

import time
from collections.abc import Callable

Now = Callable[[], float]


def machine_clock(speed: float) -> Now:
    """The machine's time at the moment of the call, then `speed` times as fast."""
    origin, started = time.time(), time.monotonic()
    return lambda: origin + (time.monotonic() - started) * speed


class SimulatedClock:
    """A clock that can be put forward, and that never goes back even if the one beneath it does."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._shift_seconds = 0.0
        self._latest = now()

    def __call__(self) -> float:
        self._latest = max(self._latest, self._now() + self._shift_seconds)
        return self._latest

    def advance(self, seconds: float) -> None:
        self._shift_seconds += seconds
