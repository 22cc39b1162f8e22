"""What was seen of Marketo's queue: when each job was last seen, since when importers are free, how fast they are.

Kept in memory by the worker that drives the instance. One that takes over begins without, and asks a little more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from app.domain.parts import Part
from app.domain.throughput import (
    Forecast,
    Job,
    NextPoll,
    PollWaits,
    Span,
    ThroughputModel,
    forecast,
    has_enough_work,
    next_poll,
)

NEVER = datetime.min.replace(tzinfo=UTC)
LOOKS_AHEAD = 2.0  # of the least wait between two looks: for so long there should be work
UNSURE_LOOKS = 4.0  # more, while nothing says that parts do not end sooner than is thought
MOST_TRUSTED = 32  # parts that end without a question whether they end sooner than is thought


class Observation(NamedTuple):
    """What Marketo said of a part that was not done."""

    at: datetime
    rows_left: int | None
    begun: bool | None  # None: it said nothing


@dataclass(slots=True)
class QueueModel:
    importers: int
    poll_min_seconds: float
    poll_max_seconds: float
    throughput: ThroughputModel = field(default_factory=ThroughputModel)
    free_at: list[datetime] = field(default_factory=list)
    seen: dict[int, Observation] = field(default_factory=dict)  # by part id
    done: dict[int, tuple[datetime, Span]] = field(default_factory=dict)  # the same: submitted when, and its time
    trusted: int = 1  # so many parts are taken to last as long as was foretold
    on_trust: int = 0  # so many were, since that was last put to the test

    def queue(self, there: Sequence[Part], now: datetime) -> Forecast:
        """What is to be expected of the parts there, in the order Marketo got them.

        One that is done may stand behind one that is not, as far as is known: it had its importer all the same.
        """
        line = [(part.submitted_at or NEVER, part.id, self._job(part)) for part in there]
        line += [(at, part_id, Job(0, at, done=span)) for part_id, (at, span) in self.done.items()]
        jobs = [job for _, _, job in sorted(line, key=lambda one: one[:2])]
        return forecast(jobs, free_at=self._free(), throughput=self.throughput, now=now)

    def look(self, there: Sequence[Part], now: datetime, *, onward: bool = False) -> NextPoll:
        return next_poll(
            [self._job(part) for part in there],
            self.queue(there, now),
            importers=self.importers,
            now=now,
            waits=PollWaits(self.poll_min_seconds, self.poll_max_seconds),
            onward=onward and self.on_trust >= self.trusted,
        )

    def has_enough(self, there: Sequence[Part], now: datetime) -> bool:
        """Whether Marketo needs nothing from us until we have looked again."""
        looks = LOOKS_AHEAD + UNSURE_LOOKS / self.trusted
        until = now + looks * timedelta(seconds=self.poll_min_seconds)
        return has_enough_work(self.queue(there, now), jobs=len(there), importers=self.importers, until=until)

    def queue_seconds(self, there: Sequence[Part], rows: int, now: datetime) -> float:
        """How long a part of so many rows would take that was sent now, behind those that are there."""
        return (self.queue(there, now).idle_at - now).total_seconds() + self.throughput.seconds_for(rows)

    def saw(self, there: Sequence[Part], part: Part, sight: Observation) -> None:
        """The part is still there. If it was asked about before it should end, the pace is right, or too fast."""
        if sight.begun and part in there and sight.at <= self.queue(there, sight.at).spans[there.index(part)].end:
            self.trusted, self.on_trust = min(MOST_TRUSTED, 2 * self.trusted), 0
        self.seen[part.id] = sight

    def ended(self, there: Sequence[Part], index: int, at: datetime) -> Span:
        """One of the parts there is done: learn from it. When it began and ended, as far as can be told."""
        start, foretold = self.queue(there, at).spans[index]
        part, seen = there[index], self.seen.pop(there[index].id, None)
        end = min(at, max(foretold, seen.at if seen else start))
        self.on_trust += 1
        if at < foretold:
            self.trusted = 1
        self.throughput = self.throughput.observe(part.rows.total, (end - start).total_seconds())
        self.done[part.id] = part.submitted_at or NEVER, Span(min(start, end), end)
        self._settle([other for other in there if other.id != part.id])
        return Span(min(start, end), end)

    def began_at(self, there: Sequence[Part], part: Part, at: datetime) -> datetime:
        """About when Marketo began with a part that it is found at work on."""
        if part not in there:
            return at
        return min(at, self.queue(there, at).spans[there.index(part)].start)

    def done_since(self, there: Sequence[Part], part: Part, at: datetime) -> datetime:
        """A part is done: learn from it. About when Marketo began with it."""
        if part not in there:
            self.gone(part)
            return at
        return self.ended(there, there.index(part), at).start

    def _settle(self, there: Sequence[Part]) -> None:
        """Those that are done with nothing in front of them: what is left is when they freed an importer."""
        oldest = min(((part.submitted_at or NEVER, part.id) for part in there), default=None)
        for part_id, (at, span) in sorted(self.done.items(), key=lambda one: (one[1][0], one[0])):
            if oldest and (at, part_id) > oldest:
                break
            self.free_at = sorted(self._free())
            self.free_at[0] = max(self.free_at[0], span.end)
            del self.done[part_id]

    def forget_times(self) -> None:
        """The clock was set: what was seen is timed by another one. How fast parts go is still known."""
        self.free_at = []
        self.seen, self.done = {}, {}

    def gone(self, part: Part) -> None:
        """It is there no more, for a reason that teaches nothing."""
        self.seen.pop(part.id, None)

    def _job(self, part: Part) -> Job:
        at, rows_left, begun = self.seen.get(part.id, (None, None, None))
        return Job(part.rows.total, part.submitted_at or NEVER, at, rows_left, begun)

    def _free(self) -> list[datetime]:
        return (self.free_at + [NEVER] * self.importers)[: self.importers]
