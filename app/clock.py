"""TIME_IS_AN_ARGUMENT: the one place that asks the machine for the time. Everyone else is handed a Clock.

A Clock answers two questions. What time of day is it? Two processes can compare that, and people can read it, but
somebody may set it. How much time has passed? Nobody can set that, but it means something only within one process.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from app.notify.signal import Signal

_PASSING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux's goes on while the machine sleeps


def machine_clock() -> datetime:
    """The machine's time of day, as it is set."""
    return datetime.now(UTC)


def machine_seconds() -> float:
    """Seconds since some moment in the past. Nobody can set this clock."""
    return time.clock_gettime(_PASSING)


class Reading(NamedTuple):
    """What a reference said, and when, by our own monotonic clock."""

    at: datetime
    monotonic: float
    trip_seconds: float = 0.0  # that the question took: it may be wrong by half of them


class Cause(StrEnum):
    """Why the time went on otherwise than by passing."""

    JUMP = "jump"  # the reference was set, back or forward
    GAP = "gap"  # nobody was there for so long that nobody can know whether it was


@dataclass(frozen=True, slots=True)
class Jump:
    """What was to be called `before` was called `after`."""

    id: int
    cause: Cause
    before: datetime
    after: datetime

    @property
    def seconds(self) -> float:
        """Above zero where it went forward."""
        return (self.after - self.before).total_seconds()


class ClockJumped(Exception):
    """A clock was set while something was timed by it. Nothing is written; the next try is by the clock that counts."""


class Clock:
    """The time of day, carried on by the time that passes since it was last compared with a reference.

    The reference is the machine's time of day, or the database's where many processes have to agree. That somebody
    sets it changes nothing here by itself: `scheduling/timekeeper.py` notices it, and moves along what was timed.
    """

    def __init__(
        self,
        wall: Callable[[], datetime] = machine_clock,
        monotonic: Callable[[], float] = machine_seconds,
        *,
        by_database: bool = False,
    ) -> None:
        self.wall, self.monotonic, self.by_database = wall, monotonic, by_database
        self.jumps: tuple[Jump, ...] = ()  # all that are known, in their order
        self.jump_id = 0  # of the last one that was followed
        self.sure_from = -math.inf  # by the monotonic clock: before, others may go by a time that is not ours
        self.doubt = Signal()  # rung by whoever meets a jump that is not known here
        self.set(Reading(wall(), monotonic()))

    def __call__(self) -> datetime:
        """The present moment, aware and in UTC."""
        return self.moment(self.monotonic())

    def moment(self, monotonic: float) -> datetime:
        """The moment when the monotonic clock showed this."""
        return self._read.at + timedelta(seconds=monotonic - self._read.monotonic)

    def set(self, reading: Reading) -> None:
        """Go on from what the reference said."""
        self._read = reading

    def off(self, reading: Reading) -> float:
        """By how many seconds the reference is ahead of this clock."""
        return (reading.at - self.moment(reading.monotonic)).total_seconds()

    def ago(self, seconds: float) -> datetime:
        """What was called the present moment when so much less time had passed.

        Time that a clock was set forward by has not passed; time that it was set back by has passed twice.
        """
        at, left = self(), timedelta(seconds=seconds)
        for jump in reversed(self.jumps):
            passed = max(timedelta(), at - jump.after)
            if passed >= left:
                break
            if jump.cause is Cause.JUMP:
                at, left = jump.before, left - passed
        return at - left

    def seconds_since(self, jump: Jump) -> float:
        """How much time has passed since one of the known jumps."""
        at, passed = self(), 0.0
        for later in reversed(self.jumps):
            passed += max(0.0, (at - later.after).total_seconds())
            if later.id == jump.id:
                break
            at = later.before if later.cause is Cause.JUMP else min(at, later.after)
        return passed

    def expect(self, jump_id: int) -> None:
        """What belongs together must be timed by the same clock, between the same jumps. Errors: ClockJumped."""
        if jump_id != self.jump_id:
            self.doubt.send()
            raise ClockJumped(f"timed behind jump {jump_id} of the clock, and now behind jump {self.jump_id}")


def rfc3339(at: datetime) -> str:
    """In UTC, to the millisecond: as every time is written that others read."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
