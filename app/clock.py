"""TIME_IS_AN_ARGUMENT: the one place that asks the machine for the time. Everyone else is handed a Clock."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Answers the present moment, aware and in UTC."""


def machine_clock() -> datetime:
    return datetime.now(UTC)
