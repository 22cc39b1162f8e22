"""How many calls Marketo takes: in 20 s (606), at once (615), in a day (607); and its statistics of them.

Adobe, "REST API", Limits, and "Error codes", read 2026-08.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.simulator.answers import Refusal
from app.simulator.rules import Rules

_CENTRAL = ZoneInfo("America/Chicago")  # the daily quota starts anew at midnight there
# "An API call that returns this response code is not counted against your daily quota, or your rate limit".
_UNCOUNTED = frozenset({"601", "602", "604", "605", "608", "611"})


@dataclass(slots=True)
class Limits:
    """Counts calls: `arrive` when one starts, `admit` when it is checked, `leave` when it is answered."""

    rules: Rules
    most_in_window: int = 0
    most_at_once: int = 0
    _at_once: int = 0
    _arrivals: deque[float] = field(default_factory=deque)
    _counted: deque[float] = field(default_factory=deque)
    _calls_by_day: Counter[date] = field(default_factory=Counter)
    _errors_by_day: dict[date, Counter[str]] = field(default_factory=dict)

    def arrive(self, now: float) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self._arrivals.append(now)
        self._forget_before(now)
        self.most_in_window = max(self.most_in_window, len(self._arrivals))

    def admit(self, now: float) -> None:
        """Counts the call, or refuses it."""
        self._forget_before(now)
        rules = self.rules
        if len(self._counted) >= rules.calls_per_window:
            limit, seconds = rules.calls_per_window, f"{rules.window_seconds:g}"
            self._turn_away(now, "606", f"Max rate limit '{limit}' exceeded with in '{seconds}' secs")
        if self._at_once > rules.concurrent_calls:
            self._turn_away(now, "615", f"Concurrent access limit '{rules.concurrent_calls}' reached")
        if self._calls_by_day[central_date(now)] >= rules.daily_calls:
            self._turn_away(now, "607", f"Daily quota '{rules.daily_calls}' reached")
        self.count(now)

    def count(self, now: float) -> None:
        """Counts the call whatever the limits say."""
        self._counted.append(now)
        self._calls_by_day[central_date(now)] += 1

    def leave(self, admitted_at: float | None, now: float, code: str | None) -> None:
        self._at_once -= 1
        if code is not None:
            self._errors_by_day.setdefault(central_date(now), Counter())[code] += 1
        if admitted_at is not None and code in _UNCOUNTED:
            self._calls_by_day[central_date(admitted_at)] -= 1
            if admitted_at in self._counted:
                self._counted.remove(admitted_at)

    def usage(self, now: float, days: int, user: str) -> list[dict[str, Any]]:
        totals = [(day, self._calls_by_day[day]) for day in _last_days(now, days)]
        return [
            {"date": f"{day}", "total": total, "users": [{"userId": user, "count": total}]}
            for day, total in totals
            if total or days == 1
        ]

    def errors(self, now: float, days: int) -> list[dict[str, Any]]:
        counts = [(day, self._errors_by_day.get(day, Counter())) for day in _last_days(now, days)]
        return [
            {
                "date": f"{day}",
                "total": errors.total(),
                "errors": [{"errorCode": code, "count": count} for code, count in sorted(errors.items())],
            }
            for day, errors in counts
            if errors or days == 1
        ]

    def _turn_away(self, now: float, code: str, message: str) -> None:
        if self.rules.rejected_calls_count:
            self._counted.append(now)
        raise Refusal(code, message)

    def _forget_before(self, now: float) -> None:
        """Forgets the calls that have left the window, one that was made exactly a window ago among them."""
        for calls in (self._arrivals, self._counted):
            while calls and calls[0] <= now - self.rules.window_seconds:
                calls.popleft()


def central_date(now: float) -> date:
    return datetime.fromtimestamp(now, _CENTRAL).date()


def _last_days(now: float, days: int) -> list[date]:
    today = central_date(now)
    return [today - timedelta(days=back) for back in range(days)]
