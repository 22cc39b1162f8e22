"""A forecast of Marketo's queue: how many jobs to keep there, and when to poll.

The queue is first in, first out, and two importers work on it. So each job begins when an importer is free, and ends
after the time that its rows take. What we observe corrects the forecast.
"""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

ASSUMED_ROWS_PER_SECOND = 5_000.0  # until finished jobs have been observed
ASSUMED_JOB_SECONDS = 2.0  # on top of the rows. Adobe's samples show 2 seconds for three rows
LEAST_SECONDS = 0.1
DECAY = 0.9  # weight of all earlier observations with each new one
ONWARD_SHARE = 0.25  # of a job's expected time: after it, a job whose predecessor is done may be done too
FIRST_POLL_SHARE = 0.6  # of a long job's expected time: early enough to notice that it is faster
LATE_SHARE = 0.2  # of the time that a job has taken: added to the forecast when it is not done in time
MARGIN_SHARE = 0.1  # of the shortest time between polls: a poll comes this much after the expected end


@dataclass(frozen=True, slots=True)
class ThroughputModel:
    """How long an importer takes for a job: a time for each job and a time for each row.

    Fitted by least squares over the finished jobs; older observations count less and less. The fields are the sums.
    """

    jobs: float = 0.0
    rows: float = 0.0
    rows_squared: float = 0.0
    seconds: float = 0.0
    rows_seconds: float = 0.0

    def observe(self, rows: int, seconds: float) -> "ThroughputModel":
        seconds = max(seconds, LEAST_SECONDS)
        return ThroughputModel(
            DECAY * self.jobs + 1,
            DECAY * self.rows + rows,
            DECAY * self.rows_squared + rows * rows,
            DECAY * self.seconds + seconds,
            DECAY * self.rows_seconds + rows * seconds,
        )

    def seconds_for(self, rows: float) -> float:
        each, a_row = self._line()
        return max(LEAST_SECONDS, each + a_row * rows)

    def rows_within(self, seconds: float) -> float:
        """How many rows an importer works on for so many seconds, beside the time that it takes for any job."""
        _, a_row = self._line()
        if not a_row:
            return math.inf if seconds else 0.0
        return seconds / a_row

    @property
    def rows_per_second(self) -> float:
        """The rate of one importer, for jobs of the average size."""
        mean = self.rows / self.jobs if self.jobs else 0.0
        return mean / self.seconds_for(mean) if mean else ASSUMED_ROWS_PER_SECOND

    def _line(self) -> tuple[float, float]:
        """(seconds for each job, seconds for each row); neither is below zero."""
        if not self.jobs:
            return ASSUMED_JOB_SECONDS, 1 / ASSUMED_ROWS_PER_SECOND
        mean_rows, mean_seconds = self.rows / self.jobs, self.seconds / self.jobs
        spread = self.rows_squared / self.jobs - mean_rows * mean_rows
        if spread > 0.01 * mean_rows * mean_rows:
            a_row = (self.rows_seconds / self.jobs - mean_rows * mean_seconds) / spread
        else:  # all jobs have about the same size: the two times cannot be told apart
            a_row = max(0.0, mean_seconds - ASSUMED_JOB_SECONDS) / max(mean_rows, 1)
        a_row = max(0.0, min(a_row, mean_seconds / max(mean_rows, 1)))
        return mean_seconds - a_row * mean_rows, a_row


class Span(NamedTuple):
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job at Marketo, and what we observed of it."""

    rows: int
    submitted_at: datetime
    asked_at: datetime | None = None  # the last poll, at which it was not done
    rows_left: int | None = None  # at that poll; None where Marketo did not say
    begun: bool | None = None  # at that poll; None where there was no answer
    done: Span | None = None  # set once it has ended, as long as a job that was before it in the queue has not


@dataclass(frozen=True, slots=True)
class Forecast:
    """When each unfinished job begins and ends, in the queue's order; when the first importer runs out of work."""

    spans: Sequence[Span]
    idle_at: datetime


def forecast(
    jobs: Sequence[QueuedJob], *, free_at: Sequence[datetime], throughput: ThroughputModel, now: datetime
) -> Forecast:
    """Forecast the queue. `free_at`: since when each importer has been able to begin with the first of these jobs."""
    importers = sorted(free_at)
    spans = []
    for job in jobs:
        span = _span(job, max(job.submitted_at, heapq.heappop(importers)), throughput)
        heapq.heappush(importers, span.end)
        if not job.done:
            spans.append(span)
    return Forecast(spans, max(now, min(importers)))


def _span(job: QueuedJob, start: datetime, throughput: ThroughputModel) -> Span:
    """When a job begins and ends that could begin at `start`, corrected by what was observed of it."""
    if job.done:
        return job.done
    if job.asked_at is None:
        return Span(start, start + timedelta(seconds=throughput.seconds_for(job.rows)))
    if job.begun is False:
        start = max(start, job.asked_at)
        return Span(start, start + timedelta(seconds=throughput.seconds_for(job.rows)))
    start = min(start, job.asked_at)
    worked = (job.asked_at - start).total_seconds()
    if job.rows_left is not None and 0 < job.rows_left < job.rows:
        left = worked * job.rows_left / (job.rows - job.rows_left)
    else:
        left = max(throughput.seconds_for(job.rows) - worked, LATE_SHARE * worked)
    return Span(start, job.asked_at + timedelta(seconds=max(LEAST_SECONDS, left)))


def has_enough_work(there: Forecast, *, jobs: int, importers: int, until: datetime) -> bool:
    """Whether Marketo has enough: a job for each importer, as many behind them, and work until the next tick.

    More is not sent: a part that waits here can still be cancelled, paused or overtaken; one in Marketo's queue cannot.
    """
    return jobs >= 2 * importers and there.idle_at >= until


class NextPoll(NamedTuple):
    at: datetime
    job: int | None  # the index of the job to poll now; None: no poll is due before `at`


class PollWaits(NamedTuple):
    """How long to wait between two polls of one job."""

    least_seconds: float
    most_seconds: float


def next_poll(
    jobs: Sequence[QueuedJob],
    there: Forecast,
    *,
    importers: int,
    now: datetime,
    waits: PollWaits,
    onward: bool = False,
) -> NextPoll:
    """Which job to poll now, or when the next poll is due.

    Only a job that an importer works on can have news: the oldest ones, one for each importer, and those behind them
    that should have begun. Such a job is polled shortly after its expected end, once before that if it is long, and at
    least every `waits.most_seconds`; never more often than every `waits.least_seconds`. `onward`: the last poll found
    its job done, and the forecast is not confirmed, so the next job may be done sooner than expected.
    """
    least, most = timedelta(seconds=waits.least_seconds), timedelta(seconds=waits.most_seconds)
    soonest = now + most
    for index, (job, span) in enumerate(zip(jobs, there.spans, strict=True)):
        if index >= importers and span.start > now:
            break
        due_at = span.end + MARGIN_SHARE * least
        if job.asked_at is None and span.end - span.start > 2 * least:
            due_at = span.start + FIRST_POLL_SHARE * (span.end - span.start)
        at = max(min(due_at, (job.asked_at or span.start) + most), (job.asked_at + least) if job.asked_at else now)
        begun = now - span.start >= ONWARD_SHARE * (span.end - span.start)
        if at <= now or (onward and job.asked_at is None and begun):
            return NextPoll(now, index)
        soonest = min(soonest, at)
    return NextPoll(soonest, None)
