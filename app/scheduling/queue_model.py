"""A model of Marketo's queue, from what polls showed: the last observation of each job, and how fast importers are.

The worker that drives the instance keeps it in memory. A worker that takes over begins with an empty model, and polls a
little more often at first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from app.domain.jobs import Job
from app.domain.throughput import (
    Forecast,
    NextPoll,
    PollWaits,
    QueuedJob,
    Span,
    ThroughputModel,
    forecast,
    has_enough_work,
    next_poll,
)

NEVER = datetime.min.replace(tzinfo=UTC)
POLLS_AHEAD = 2.0  # for how many of the shortest waits between two polls there should be work at Marketo
UNSURE_POLLS = 4.0  # how many more, while it is not known whether jobs end sooner than the forecast says
MOST_TRUSTED = 32  # jobs in a row, at most, that are taken to end as forecast before the forecast is tested again


class Observation(NamedTuple):
    """What a poll showed of a job that was not done."""

    at: datetime
    rows_left: int | None  # None: Marketo did not say
    begun: bool | None  # None: Marketo did not say


@dataclass(slots=True)
class QueueModel:
    importers: int
    poll_min_seconds: float
    poll_max_seconds: float
    throughput: ThroughputModel = field(default_factory=ThroughputModel)
    free_at: list[datetime] = field(default_factory=list)  # since when each importer has been free
    observations: dict[int, Observation] = field(default_factory=dict)  # the last one of each job, by its id
    done: dict[int, tuple[datetime, Span]] = field(default_factory=dict)
    """By job id: when a job that has ended was submitted, and from when to when Marketo worked on it."""
    trusted: int = 1  # how many jobs in a row may be taken to end as forecast before the forecast is tested
    on_trust: int = 0  # how many jobs were, since the forecast was last tested

    def queue(self, there: Sequence[Job], now: datetime) -> Forecast:
        """Forecast the jobs there, which are in the order in which Marketo got them.

        A job that is done may stand behind one that is not known to be done. It counts, since it had an importer.
        """
        submitted = [(job.submitted_at or NEVER, job.id, self._queued(job)) for job in there]
        submitted += [(at, job_id, QueuedJob(0, at, done=span)) for job_id, (at, span) in self.done.items()]
        jobs = [job for _, _, job in sorted(submitted, key=lambda entry: entry[:2])]
        return forecast(jobs, free_at=self._free(), throughput=self.throughput, now=now)

    def next_poll(self, there: Sequence[Job], now: datetime, *, onward: bool = False) -> NextPoll:
        """Which job to poll now, or when the next poll is due. `onward`: the last poll found a job done."""
        return next_poll(
            [self._queued(job) for job in there],
            self.queue(there, now),
            importers=self.importers,
            now=now,
            waits=PollWaits(self.poll_min_seconds, self.poll_max_seconds),
            onward=onward and self.on_trust >= self.trusted,
        )

    def has_enough(self, there: Sequence[Job], now: datetime) -> bool:
        """Whether Marketo has enough work from us to last until the next polls."""
        polls = POLLS_AHEAD + UNSURE_POLLS / self.trusted
        until = now + polls * timedelta(seconds=self.poll_min_seconds)
        return has_enough_work(self.queue(there, now), jobs=len(there), importers=self.importers, until=until)

    def queue_seconds(self, there: Sequence[Job], rows: int, now: datetime) -> float:
        """After how many seconds a job of so many rows would be done if it was sent now, behind the jobs there."""
        return (self.queue(there, now).idle_at - now).total_seconds() + self.throughput.seconds_for(rows)

    def observe(self, there: Sequence[Job], job: Job, observation: Observation) -> None:
        """Take in a poll that found the job not done. Before its forecast end, this confirms the forecast."""
        if observation.begun and job in there:
            span = self.queue(there, observation.at).spans[there.index(job)]
            if observation.at <= span.end:
                self.trusted, self.on_trust = min(MOST_TRUSTED, 2 * self.trusted), 0
        self.observations[job.id] = observation

    def observe_end(self, there: Sequence[Job], index: int, at: datetime) -> Span:
        """Take in that a poll found one of the jobs there done. When it began and ended, as far as can be told."""
        start, forecast_end = self.queue(there, at).spans[index]
        job, last = there[index], self.observations.pop(there[index].id, None)
        end = min(at, max(forecast_end, last.at if last else start))
        self.on_trust += 1
        if at < forecast_end:  # jobs end sooner than the forecast says: poll more often
            self.trusted = 1
        self.throughput = self.throughput.observe(job.rows.total, (end - start).total_seconds())
        self.done[job.id] = job.submitted_at or NEVER, Span(min(start, end), end)
        self._settle([other for other in there if other.id != job.id])
        return Span(min(start, end), end)

    def began_at(self, there: Sequence[Job], job: Job, at: datetime) -> datetime:
        """About when Marketo began with a job that a poll found it working on."""
        if job not in there:
            return at
        return min(at, self.queue(there, at).spans[there.index(job)].start)

    def done_since(self, there: Sequence[Job], job: Job, at: datetime) -> datetime:
        """Take in that a job is done, which may not be among those there. About when Marketo began with it."""
        if job not in there:
            self.forget(job)
            return at
        return self.observe_end(there, there.index(job), at).start

    def _settle(self, there: Sequence[Job]) -> None:
        """Forget the jobs that are done and have none before them, but remember when they freed an importer."""
        oldest = min(((job.submitted_at or NEVER, job.id) for job in there), default=None)
        for job_id, (at, span) in sorted(self.done.items(), key=lambda entry: (entry[1][0], entry[0])):
            if oldest and (at, job_id) > oldest:
                break
            self.free_at = sorted(self._free())
            self.free_at[0] = max(self.free_at[0], span.end)
            del self.done[job_id]

    def forget_times(self) -> None:
        """Forget every time that was observed, as the clock was set since. How fast jobs go is still known."""
        self.free_at = []
        self.observations, self.done = {}, {}

    def forget(self, job: Job) -> None:
        """Forget a job that is no longer there, for a reason that says nothing about how fast jobs go."""
        self.observations.pop(job.id, None)

    def _queued(self, job: Job) -> QueuedJob:
        at, rows_left, begun = self.observations.get(job.id, (None, None, None))
        return QueuedJob(job.rows.total, job.submitted_at or NEVER, at, rows_left, begun)

    def _free(self) -> list[datetime]:
        return (self.free_at + [NEVER] * self.importers)[: self.importers]
