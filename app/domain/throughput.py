"""How many parts to keep at Marketo, and when to look how they are doing.

Marketo's queue is first in, first out, and two importers work on it. So it can be foretold: each part begins when an
importer is free, and ends when its rows are through. What is seen corrects what was foretold.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

ASSUMED_ROWS_PER_SECOND = 5_000.0  # until finished parts have taught better
ASSUMED_JOB_SECONDS = 2.0  # on top of the rows. Adobe's samples show 2 seconds for three rows
LEAST_SECONDS = 0.1
KEPT = 0.9  # of what is known, with each part that teaches something new
WORTH_A_LOOK = 0.25  # of a part's time: when the one before it is done, it may be so too, if it is faster than thought
FIRST_LOOK = 0.6  # of a long part's time: early enough to notice that it goes faster than was thought
OVERDUE = 0.2  # of the time a part has taken: so much longer, if it is not done when it should be
SURE = 0.1  # of the least wait between two looks: so long after its end a part is asked about, and surely done


@dataclass(frozen=True, slots=True)
class ThroughputModel:
    """How long an importer takes for a part: so much for each, and so much for each row (least squares, decaying)."""

    jobs: float = 0.0
    rows: float = 0.0
    rows_squared: float = 0.0
    seconds: float = 0.0
    rows_seconds: float = 0.0

    def learnt(self, rows: int, seconds: float) -> "ThroughputModel":
        seconds = max(seconds, LEAST_SECONDS)
        return ThroughputModel(
            KEPT * self.jobs + 1,
            KEPT * self.rows + rows,
            KEPT * self.rows_squared + rows * rows,
            KEPT * self.seconds + seconds,
            KEPT * self.rows_seconds + rows * seconds,
        )

    def seconds_for(self, rows: float) -> float:
        each, a_row = self._line()
        return max(LEAST_SECONDS, each + a_row * rows)

    @property
    def rows_per_second(self) -> float:
        """Of one importer, for parts as they come."""
        mean = self.rows / self.jobs if self.jobs else 0.0
        return mean / self.seconds_for(mean) if mean else ASSUMED_ROWS_PER_SECOND

    def _line(self) -> tuple[float, float]:
        """(seconds for each part, seconds for each row); neither is below zero."""
        if not self.jobs:
            return ASSUMED_JOB_SECONDS, 1 / ASSUMED_ROWS_PER_SECOND
        mean_rows, mean_seconds = self.rows / self.jobs, self.seconds / self.jobs
        spread = self.rows_squared / self.jobs - mean_rows * mean_rows
        if spread > 0.01 * mean_rows * mean_rows:
            a_row = (self.rows_seconds / self.jobs - mean_rows * mean_seconds) / spread
        else:  # all parts alike: what of it is for each part cannot be told
            a_row = max(0.0, mean_seconds - ASSUMED_JOB_SECONDS) / max(mean_rows, 1)
        a_row = max(0.0, min(a_row, mean_seconds / max(mean_rows, 1)))
        return mean_seconds - a_row * mean_rows, a_row


class Span(NamedTuple):
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """A part at Marketo, as far as it was seen."""

    rows: int
    submitted_at: datetime
    asked_at: datetime | None = None  # when Marketo was last asked, and it was not done
    rows_left: int | None = None  # then; None where Marketo did not say
    begun: bool | None = None  # then; None where there was no answer
    done: Span | None = None  # it is there no more, and was this long; one before it still is


@dataclass(frozen=True, slots=True)
class Forecast:
    """When each job that is there begins and ends, in the queue's order; when the first importer is out of work."""

    spans: Sequence[Span]
    idle_at: datetime


def forecast(jobs: Sequence[Job], *, free_at: Sequence[datetime], pace: ThroughputModel, now: datetime) -> Forecast:
    """`free_at`: since when each importer could have begun with the first of these jobs."""
    importers = sorted(free_at)
    spans = []
    for job in jobs:
        span = _span(job, max(job.submitted_at, heapq.heappop(importers)), pace)
        heapq.heappush(importers, span.end)
        if not job.done:
            spans.append(span)
    return Forecast(spans, max(now, min(importers)))


def _span(job: Job, start: datetime, pace: ThroughputModel) -> Span:
    """A job's time, if it could begin at `start` and what was seen of it does not say otherwise."""
    if job.done:
        return job.done
    if job.asked_at is None:
        return Span(start, start + timedelta(seconds=pace.seconds_for(job.rows)))
    if job.begun is False:
        start = max(start, job.asked_at)
        return Span(start, start + timedelta(seconds=pace.seconds_for(job.rows)))
    start = min(start, job.asked_at)
    worked = (job.asked_at - start).total_seconds()
    if job.rows_left is not None and 0 < job.rows_left < job.rows:
        left = worked * job.rows_left / (job.rows - job.rows_left)
    else:
        left = max(pace.seconds_for(job.rows) - worked, OVERDUE * worked)
    return Span(start, job.asked_at + timedelta(seconds=max(LEAST_SECONDS, left)))


def has_enough_work(there: Forecast, *, jobs: int, importers: int, until: datetime) -> bool:
    """Whether Marketo has all it needs: a full house and as many behind them, and work until we look again.

    What waits here can still be cancelled, paused or overtaken; what waits there cannot.
    """
    return jobs >= 2 * importers and there.idle_at >= until


class NextPoll(NamedTuple):
    at: datetime
    job: int | None  # which one to ask about now; None: nothing to ask before `at`


def next_poll(
    jobs: Sequence[Job],
    there: Forecast,
    *,
    importers: int,
    now: datetime,
    poll_min_seconds: float,
    poll_max_seconds: float,
    onward: bool = False,
) -> NextPoll:
    """Which job to ask about, or when to look again.

    Only a job that is under way can have news: as many of the oldest as there are importers, and those behind them that
    should have begun. One is worth a question when it is surely done, once before that if it is long, and at least
    every `poll_max_seconds`; never more often than every `poll_min_seconds`. `onward`: the last answer was "done", and
    nothing says that parts take as long as is thought, so the next may be done too.
    """
    least, most = timedelta(seconds=poll_min_seconds), timedelta(seconds=poll_max_seconds)
    soonest = now + most
    for index, (job, span) in enumerate(zip(jobs, there.spans, strict=True)):
        if index >= importers and span.start > now:
            break
        wanted = span.end + SURE * least
        if job.asked_at is None and span.end - span.start > 2 * least:
            wanted = span.start + FIRST_LOOK * (span.end - span.start)
        at = max(min(wanted, (job.asked_at or span.start) + most), (job.asked_at + least) if job.asked_at else now)
        begun = now - span.start >= WORTH_A_LOOK * (span.end - span.start)
        if at <= now or (onward and job.asked_at is None and begun):
            return NextPoll(now, index)
        soonest = min(soonest, at)
    return NextPoll(soonest, None)
