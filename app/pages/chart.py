"""The last day as bars: where they stand, and how high. The template draws them (day_chart.html)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.store.activity import HOUR, Hour

ROWS_HEIGHT, BUSY_HEIGHT = 96.0, 24.0  # of the two charts, in the units of the drawing
LEAST = 1.5  # of a bar that is not empty, so that it is seen
TICK_HOURS = 6
LAST_TICK = 2  # the last hours have no room for their words
MINUTES_AT_LEAST = 5  # of an hour that has just begun: its share is not reckoned from less


@dataclass(frozen=True, slots=True)
class Bar:
    hour: Hour
    imported_height: float
    failed_height: float
    busy_share: float  # of the importers' time, from 0 to 1
    is_tick: bool  # its hour is written below

    @property
    def until(self) -> datetime:
        return self.hour.begins_at + HOUR

    @property
    def label(self) -> str:
        return f"{self.hour.begins_at.astimezone(UTC):%H:%M}"


@dataclass(frozen=True, slots=True)
class Chart:
    bars: Sequence[Bar]
    imported: int
    failed: int
    most: int  # rows of the highest bar
    busy_share: float  # of the whole time

    @property
    def is_empty(self) -> bool:
        return not self.imported and not self.failed and not self.busy_share


def day_chart(hours: Sequence[Hour], *, importers: int, now: datetime) -> Chart:
    most = max((hour.imported + hour.failed for hour in hours), default=0)
    bars = [
        Bar(
            hour,
            _height(hour.imported, most),
            _height(hour.failed, most),
            _share(hour.busy_seconds, importers, _seconds_of(hour, now)),
            hour.begins_at.hour % TICK_HOURS == 0 and index < len(hours) - LAST_TICK,
        )
        for index, hour in enumerate(hours)
    ]
    seconds = sum(_seconds_of(hour, now) for hour in hours)
    return Chart(
        bars=bars,
        imported=sum(hour.imported for hour in hours),
        failed=sum(hour.failed for hour in hours),
        most=most,
        busy_share=_share(sum(hour.busy_seconds for hour in hours), importers, seconds),
    )


def _height(rows: int, most: int) -> float:
    return round(max(LEAST, ROWS_HEIGHT * rows / most), 1) if rows else 0.0


def _share(busy_seconds: float, importers: int, seconds: float) -> float:
    return min(1.0, busy_seconds / (importers * seconds)) if importers and seconds else 0.0


def _seconds_of(hour: Hour, now: datetime) -> float:
    """How much of an hour has passed."""
    passed = min(HOUR, max(timedelta(minutes=MINUTES_AT_LEAST), now - hour.begins_at))
    return passed.total_seconds()
