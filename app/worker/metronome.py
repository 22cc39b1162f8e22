"""The metronome: APScheduler, calling actions again and again, each in its rhythm, by a clock that nobody can set."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

logging.getLogger("apscheduler").setLevel(logging.ERROR)  # that a action is still at work is no news

Action = Callable[[], Awaitable[object]]
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class LoopTime(tzinfo):
    """The time that APScheduler goes by: the event loop's, counted from 1970, whatever the machine's clock says.

    APScheduler asks `datetime.now(zone)` what time it is, and that asks the zone what its time is.
    """

    def now(self) -> datetime:
        elapsed = timedelta(seconds=asyncio.get_running_loop().time())
        return (_BEGINNING + elapsed).replace(tzinfo=self)

    def fromutc(self, _: datetime) -> datetime:
        return self.now()

    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, _: datetime | None) -> str:
        return "loop"


class _Rhythm(BaseTrigger):  # type: ignore[misc] # APScheduler 3 has no types
    """Now, and then every so many seconds. Beats that were missed are not made up for."""

    def __init__(self, seconds: float) -> None:
        self.period = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        if previous is None:
            return now
        planned = previous + self.period
        return planned if planned > now else now + self.period


@dataclass(slots=True, repr=False)
class _Beat:
    action: Action
    again: bool = False  # it was called while it was at work


def _scheduler() -> AsyncIOScheduler:
    """Memory job store, one run of a action at a time."""
    jobs = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
    executors = {"default": AsyncIOExecutor()}  # by its name it would be looked for, and loaded, once work has begun
    return AsyncIOScheduler(timezone=LoopTime(), job_defaults=jobs, executors=executors)


@dataclass(slots=True, repr=False)
class Metronome:
    """What a action raises, APScheduler logs: a action that may fail sees to it itself."""

    _scheduler: AsyncIOScheduler = field(default_factory=_scheduler)
    _beats: dict[str, _Beat] = field(default_factory=dict)
    _busy: set[asyncio.Future[object]] = field(default_factory=set)
    _ending: bool = False

    def every(self, seconds: float, name: str, action: Action) -> None:
        """Call it now, and then every so many seconds; while it is still at work a beat is left out."""
        if not self._scheduler.running:
            self._scheduler.start()
        beat = self._beats[name] = _Beat(action)
        self._scheduler.add_job(self._come, _Rhythm(seconds), id=name, args=(beat,))

    def call(self, name: str) -> None:
        """Have a beat come at once, or as soon as the one under way has ended."""
        self._beats[name].again = True
        self._scheduler.modify_job(name, next_run_time=self._scheduler.timezone.now())

    def end(self) -> None:
        """Begin nothing more. What is under way goes on."""
        self._ending = True
        self._scheduler.pause()

    async def ended(self, *, within_seconds: float) -> bool:
        """Wait for what is under way. False when the time is up first."""
        if self._busy:
            await asyncio.wait(self._busy, timeout=within_seconds)
        return not self._busy

    async def _come(self, beat: _Beat) -> None:
        """Do the action in a task of its own, which APScheduler's end does not cut short."""
        beat.again = True
        while beat.again and not self._ending:
            beat.again = False
            task = asyncio.ensure_future(beat.action())
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)
            await asyncio.shield(task)
