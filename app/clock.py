"""TIME_IS_AN_ARGUMENT: the one place that asks the machine for the time. Everyone else is handed a Clock."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Answers the present moment, aware and in UTC."""


def machine_clock() -> datetime:
    return datetime.now(UTC)


def rfc3339(at: datetime) -> str:
    """In UTC, to the millisecond: as every time is written that others read."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
