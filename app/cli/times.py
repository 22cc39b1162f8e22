"""Times for people: how long something still takes, and when."""

from datetime import datetime, timedelta
from typing import Any


def time_left(import_: dict[str, Any], now: datetime) -> str:
    """How long it takes until an import is done, where that is forecast; when it may begin, where that is later."""
    not_before, finish_at = parse_moment(import_["not_before"]), parse_moment(import_["estimated_finish_at"])
    if not_before and not_before > now:
        return f"after {not_before:%Y-%m-%d}" if (not_before - now).days else f"after {not_before:%H:%MZ}"
    return format_duration(seconds_until(finish_at, now)) if finish_at else ""


def parse_moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def seconds_until(finish_at: datetime, now: datetime) -> float:
    return max(0.0, (finish_at - now).total_seconds())


def format_age(seconds: float) -> str:
    """How long ago, in the largest unit that is full: 45s, 12m, 3h, 9d."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


def format_duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
