"""The metronome calls actions periodically: APScheduler, driven by a clock that nobody can set."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

logging.getLogger("apscheduler").setLevel(logging.ERROR)  # it warns each time that an action is still running

Action = Callable[[], Awaitable[object]]
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class LoopTime(tzinfo):
    """The time that APScheduler uses: the event loop's, counted from 1970, whatever the machine's clock says.

    APScheduler calls `datetime.now(zone)`, which calls the zone's `fromutc`.
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
    """Fires at once, and then every so many seconds. Beats that were missed are not made up for."""

    def __init__(self, seconds: float) -> None:
        self.period = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        if previous is None:
            return now
        planned = previous + self.period
        return planned if planned > now else now + self.period


@dataclass(slots=True, repr=False)
class _Beat:
    """An action that is called periodically."""

    action: Action
    again: bool = False  # it was called while it was running, so it runs once more


def _scheduler() -> AsyncIOScheduler:
    """A scheduler with its jobs in memory, which runs an action once at a time."""
    jobs = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
    executors = {"default": AsyncIOExecutor()}  # by its name it would be loaded during work
    return AsyncIOScheduler(timezone=LoopTime(), job_defaults=jobs, executors=executors)


@dataclass(slots=True, repr=False)
class Metronome:
    """An action that may fail has to handle it: APScheduler would only log what it raises."""

    _scheduler: AsyncIOScheduler = field(default_factory=_scheduler)
    _beats: dict[str, _Beat] = field(default_factory=dict)
    _busy: set[asyncio.Future[object]] = field(default_factory=set)
    _ending: bool = False

    def every(self, seconds: float, name: str, action: Action) -> None:
        """Call the action now, and then every so many seconds. A beat is left out while the action is running."""
        if not self._scheduler.running:
            self._scheduler.start()
        beat = self._beats[name] = _Beat(action)
        self._scheduler.add_job(self._run, _Rhythm(seconds), id=name, args=(beat,))

    def call(self, name: str) -> None:
        """Call the action at once, or as soon as its current run has ended."""
        self._beats[name].again = True
        self._scheduler.modify_job(name, next_run_time=self._scheduler.timezone.now())

    def end(self) -> None:
        """Call no action any more. Those that are running go on."""
        self._ending = True
        self._scheduler.pause()

    async def ended(self, *, within_seconds: float) -> bool:
        """Wait until no action is running. False when the time is up first."""
        if self._busy:
            await asyncio.wait(self._busy, timeout=within_seconds)
        return not self._busy

    async def _run(self, beat: _Beat) -> None:
        """Run the action in a task of its own, which goes on when APScheduler ends."""
        beat.again = True
        while beat.again and not self._ending:
            beat.again = False
            task = asyncio.ensure_future(beat.action())
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)
            await asyncio.shield(task)
