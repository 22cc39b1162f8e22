"""Timekeeping: compares the service's clock with its reference, and follows the reference when that was set.

A reference that was set is noticed within seconds, and logged. The machine's clock is followed once it has stayed set
for a minute, as some clocks are set for a moment only. The database's clock, which many processes share, is followed at
once. The process that notices its jump first records it and moves every stored time along, in one transaction; the
others learn of it before they write anything that is timed (Clock.expect).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn

import structlog

from app.clock import Cause, Clock, Jump, Reading, rfc3339
from app.domain.timeouts import CLOCK_DOUBT_SECONDS, CLOCK_TOLERANCE_SECONDS, CLOCK_TRIP_SECONDS, GAP_SECONDS
from app.store import clock_jumps
from app.store.database import AWAY, Database, cause

log = structlog.get_logger()

LOOKS_TO_BE_SURE = 1.5  # intervals between two comparisons after which every living process has compared its clock
QUESTIONS = 3  # how often the reference is read at the start: the quickest answer is the most exact


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reference that was set and is not followed yet."""

    seconds: float  # by how much it is ahead of our clock
    since: float  # by the monotonic clock


@dataclass(slots=True)
class Timekeeper:
    db: Database
    clock: Clock
    look_seconds: float  # between two comparisons
    doubt: Doubt | None = None
    alone: bool = field(init=False)  # True where no other process moves the times in the database
    moved: list[Callable[[float], None]] = field(default_factory=list)
    """Called with the number of seconds by which all times move, for those who hold times in memory."""

    def __post_init__(self) -> None:
        self.alone = self.db.on_sqlite

    async def begin(self) -> None:
        """Set the clock, and find out whether it was set while no process ran. Call it before anything else.

        A clock that was set forward meanwhile looks the same as a long time without a process. So a process that begins
        beside others gives them time to notice a jump before it judges one of them dead.
        """
        while not await self._begun():
            pass  # another process began at the same moment and recorded the jump first
        if not self.alone:
            self.clock.sure_from = self.clock.monotonic() + LOOKS_TO_BE_SURE * self.look_seconds

    async def run(self) -> NoReturn:
        """Compare regularly, and at once where a jump was met that is not known here. Until cancelled."""
        while True:
            await self.clock.doubt.wait(within_seconds=self.look_seconds)
            try:
                await self.look()
            except AWAY as away:
                log.debug("the clock cannot be compared", error=cause(away))

    async def look(self) -> None:
        """Compare the clock with its reference once. Errors: AWAY."""
        if self.alone and self._agrees(Reading(self.clock.wall(), self.clock.monotonic())):
            return  # no other process moves times: the database need not be asked
        async with self.db.read() as tx:
            reading = await clock_jumps.read(tx, self.clock)
            jumps = await clock_jumps.known(tx, after=self.clock.jump_id)
        if reading.trip_seconds > CLOCK_TRIP_SECONDS:
            return
        if jumps:
            self._follow_others(jumps, reading)
        if not self._agrees(reading) and self._is_sure(reading):
            await self._follow(reading)

    def _agrees(self, reading: Reading) -> bool:
        """Whether the reference is where it should be. If so, the clock goes on by it."""
        off = abs(self.clock.off(reading))
        if off >= CLOCK_TOLERANCE_SECONDS:
            return False
        if off > reading.trip_seconds / 2:
            self.clock.set(reading)
        if self.doubt:
            log.warning("the clock is right again", seconds=round(self.doubt.seconds, 3))
            self.doubt = None
        return True

    def _is_sure(self, reading: Reading) -> bool:
        """Whether the reference has stayed where it was set for long enough to be followed."""
        off = self.clock.off(reading)
        if self.doubt is None or abs(self.doubt.seconds - off) >= CLOCK_TOLERANCE_SECONDS:
            self.doubt = Doubt(off, reading.monotonic)
            log.warning("the clock was set", seconds=round(off, 3), to=rfc3339(reading.at))
        return not self.alone or reading.monotonic - self.doubt.since >= CLOCK_DOUBT_SECONDS

    async def _follow(self, reading: Reading) -> None:
        jump = Jump(self.clock.jump_id + 1, Cause.JUMP, self.clock.moment(reading.monotonic), reading.at)
        async with self.db.write() as tx:
            if not await clock_jumps.add(tx, jump):
                return  # another process was first: the next comparison reads its jump
        self._move([jump], jump.seconds)
        self.clock.set(reading)
        self.doubt = None
        log.warning("the clock that was set is followed", seconds=round(jump.seconds, 3), to=rfc3339(jump.after))

    def _follow_others(self, jumps: Sequence[Jump], reading: Reading) -> None:
        """Follow jumps that other processes recorded, unless our clock was set after them and goes by the new time."""
        seconds, off = sum(jump.seconds for jump in jumps if jump.cause is Cause.JUMP), self.clock.off(reading)
        self._move(jumps, seconds if abs(off - seconds) < abs(off) else 0.0)

    def _move(self, jumps: Sequence[Jump], seconds: float) -> None:
        at, monotonic = self.clock(), self.clock.monotonic()
        self.clock.set(Reading(at + timedelta(seconds=seconds), monotonic))
        self.clock.jumps = (*self.clock.jumps, *jumps)[-clock_jumps.KEPT :]
        self.clock.jump_id = jumps[-1].id
        for move_times in self.moved:
            move_times(seconds)

    async def _begun(self) -> bool:
        async with self.db.read() as tx:
            readings = [await clock_jumps.read(tx, self.clock) for _ in range(QUESTIONS)]
            jumps = await clock_jumps.known(tx)
            last_sign = await clock_jumps.last_sign(tx)
        reading = min(readings, key=lambda read: read.trip_seconds)
        self.clock.set(reading)
        self.clock.jumps, self.clock.jump_id = tuple(jumps), jumps[-1].id if jumps else 0
        if last_sign is None:
            return True
        rest_seconds = (reading.at - last_sign).total_seconds()
        if -CLOCK_TOLERANCE_SECONDS < rest_seconds < GAP_SECONDS:
            return True
        why = Cause.GAP if rest_seconds > 0 else Cause.JUMP
        jump = Jump(self.clock.jump_id + 1, why, last_sign, reading.at)
        async with self.db.write() as tx:
            if not await clock_jumps.add(tx, jump):
                return False
        self.clock.jumps, self.clock.jump_id = (*jumps, jump), jump.id
        message = "nobody was here for long, or the clock was set" if why is Cause.GAP else "the clock was set back"
        log.warning(message, last_sign=rfc3339(last_sign), now=rfc3339(reading.at))
        return True
