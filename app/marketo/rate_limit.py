"""Keeps our calls within Marketo's limits: for a sliding window, for calls at the same time, and for a day.

Marketo counts "calls in the past 20 seconds", so this is a true sliding window: a leaky bucket would allow nearly twice
as many after a quiet time. The window is measured by the monotonic clock; the day ends at midnight US Central by the
time of day. Calls to the identity service do not count.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime

from app.clock import Clock
from app.domain.instances import Calls
from app.domain.timeouts import marketo_day, quota_again, quota_reset
from app.settings import InstanceSettings

ROUNDING_SECONDS = 1e-6  # of sums of floats

Sleep = Callable[[float], Awaitable[None]]


class DayUsedUp(Exception):
    """No call was made: our share of the daily quota is used up, or Marketo says that all of it is."""

    def __init__(self, used: str, resets_at: datetime) -> None:
        super().__init__(f"{used} of the day are used; the quota resets at {resets_at:%Y-%m-%dT%H:%MZ}")
        self.resets_at = resets_at


class RateLimiter:
    def __init__(self, settings: InstanceSettings, *, now: Clock, sleep: Sleep = asyncio.sleep) -> None:
        self._calls_per_window = settings.calls_per_window
        self._window_seconds = settings.window_seconds
        self._daily_calls = settings.daily_calls
        self._now = now
        self._sleep = sleep
        self._at_once = asyncio.Semaphore(settings.concurrent_calls)
        self._turn = asyncio.Lock()  # one call waits for the window, the others for that one: first come, first served
        self._made_at: deque[float] = deque()  # by the monotonic clock
        self._day = self._date()
        self._today = 0
        self._handed_on = 0  # of today's calls: those that are stored for the worker that takes over
        self._used_up_until: datetime | None = None

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """Hold the right to one call. Waits for the window and for other calls to end. Errors: DayUsedUp, at once."""
        self._check_day()
        async with self._at_once:
            await self._enter()
            yield

    @property
    def day(self) -> date:
        """The date in US Central that `today` belongs to."""
        self._turn_page()
        return self._day

    @property
    def today(self) -> int:
        self._turn_page()
        return self._today

    @property
    def last_window(self) -> int:
        """Calls that still count against the window; after `full`, as many as the window allows."""
        self._forget()
        return len(self._made_at)

    @property
    def resets_at(self) -> datetime:
        """When the daily quota is reset, in UTC."""
        return quota_reset(self._now())

    def full(self) -> None:
        """Take the window to be used up: Marketo says so, and it counts the calls of all programs."""
        self._made_at = deque([self._now.monotonic()] * self._calls_per_window)

    def used_up(self) -> None:
        """Take the day to be used up: Marketo says so, and it counts the calls of all programs."""
        self._used_up_until = quota_again(self._now())

    def counted(self) -> Calls:
        """What was called so far, to be kept for whoever goes on."""
        self._handed_on = self.today
        return Calls(self.day, self._today, self.last_window, self._now())

    def go_on_from(self, before: Calls) -> None:
        """Add the calls of an earlier worker: today's, if its day is still today; and those in the window.

        There may be calls of our own as well, made before this worker drove the instance.
        """
        self._turn_page()
        if before.day == self._day:
            not_stored = self._today - self._handed_on
            self._today = max(self._today, before.today + not_stored)
            self._handed_on = self._today - not_stored
        at = self._now.monotonic() - max(0.0, (self._now() - before.at).total_seconds())
        self._made_at = deque(sorted([*self._made_at, *[at] * before.last_window]))

    async def _enter(self) -> None:
        async with self._turn:
            while (wait := self._wait_seconds()) > 0:
                await self._sleep(wait)
            self._check_day()
            self._made_at.append(self._now.monotonic())
            self._today += 1

    def _wait_seconds(self) -> float:
        self._forget()
        if len(self._made_at) < self._calls_per_window:
            return 0
        return self._made_at[0] + self._window_seconds - self._now.monotonic()

    def _forget(self) -> None:
        now = self._now.monotonic() + ROUNDING_SECONDS
        while self._made_at and self._made_at[0] + self._window_seconds <= now:
            self._made_at.popleft()

    def _check_day(self) -> None:
        self._turn_page()
        if self._today >= self._daily_calls:
            raise DayUsedUp(f"all {self._daily_calls} calls", self.resets_at)
        if self._used_up_until:  # never later than the next midnight: the clock may have been set back since
            self._used_up_until = min(self._used_up_until, quota_again(self._now()))
            if self._now() < self._used_up_until:
                raise DayUsedUp("the calls", self._used_up_until)

    def _turn_page(self) -> None:
        today = self._date()
        if today > self._day:
            self._today, self._handed_on = 0, 0
        self._day = today  # if the clock was set back over midnight, the calls count for the earlier day

    def _date(self) -> date:
        return marketo_day(self._now())
