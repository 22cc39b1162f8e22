"""What was seen of Marketo's queue: when each job was last seen, since when importers are free, how fast they are.

Kept in memory by the worker that drives the instance. One that takes over begins without, and asks a little more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.domain.imports import Part
from app.domain.pacing import Forecast, Job, Look, Pace, Span, enough, forecast, next_look

NEVER = datetime.min.replace(tzinfo=UTC)
LOOKS_AHEAD = 1.5  # of the least wait between two looks: for so long there should be work


@dataclass(slots=True)
class Watch:
    importers: int
    poll_min_seconds: float
    poll_max_seconds: float
    pace: Pace = field(default_factory=Pace)
    free_at: list[datetime] = field(default_factory=list)
    seen: dict[int, tuple[datetime, int | None]] = field(default_factory=dict)  # part id → (when, rows left then)

    def queue(self, there: Sequence[Part], now: datetime) -> Forecast:
        """What is to be expected of the parts there, in the order Marketo got them."""
        return forecast(self._jobs(there), free_at=self._free(), pace=self.pace, now=now)

    def look(self, there: Sequence[Part], now: datetime, *, onward: bool = False) -> Look:
        return next_look(
            self._jobs(there),
            self.queue(there, now),
            importers=self.importers,
            now=now,
            poll_min_seconds=self.poll_min_seconds,
            poll_max_seconds=self.poll_max_seconds,
            onward=onward,
        )

    def has_enough(self, there: Sequence[Part], now: datetime) -> bool:
        """Whether Marketo needs nothing from us until we have looked again."""
        until = now + LOOKS_AHEAD * timedelta(seconds=self.poll_min_seconds)
        return enough(self.queue(there, now), jobs=len(there), importers=self.importers, until=until)

    def queue_seconds(self, there: Sequence[Part], rows: int, now: datetime) -> float:
        """How long a part of so many rows would take that was sent now, behind those that are there."""
        return (self.queue(there, now).idle_at - now).total_seconds() + self.pace.seconds_for(rows)

    def saw(self, part: Part, at: datetime, rows_left: int | None) -> None:
        """The part is still there."""
        self.seen[part.id] = at, rows_left

    def ended(self, there: Sequence[Part], index: int, at: datetime) -> Span:
        """One of the parts there is done: learn from it. When it began and ended, as far as can be told."""
        start, foretold = self.queue(there, at).spans[index]
        part = there[index]
        last_seen, _ = self.seen.pop(part.id, (start, None))
        end = min(at, max(foretold, last_seen))
        self.pace = self.pace.learnt(part.rows.total, (end - start).total_seconds())
        self.free_at = sorted(self._free())
        self.free_at[min(index, self.importers - 1)] = end
        return Span(min(start, end), end)

    def gone(self, part: Part) -> None:
        """It is there no more, for a reason that teaches nothing."""
        self.seen.pop(part.id, None)

    def _jobs(self, there: Sequence[Part]) -> list[Job]:
        return [
            Job(part.rows.total, part.submitted_at or NEVER, *self.seen.get(part.id, (None, None))) for part in there
        ]

    def _free(self) -> list[datetime]:
        return (self.free_at + [NEVER] * self.importers)[: self.importers]
