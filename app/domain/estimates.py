"""Estimates when an import will be done. It needs only what is in the database, so any process can do it.

Marketo's importers are treated as one that is faster by their number. Before an import's last part can begin, three
things have to be done: the parts at Marketo, the waiting parts that go before its own, and its own other parts.

The module is long because every wait that an estimate has to count is a function of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.domain.ageing import SHARE, has_risen
from app.domain.events import Occurrence
from app.domain.imports import Import, waiting_since
from app.domain.instances import Instance
from app.domain.jobs import Job
from app.domain.lifecycle import JobState, PartState
from app.domain.throughput import QueuedJob, Span, ThroughputModel, forecast
from app.domain.timeouts import DENIALS, FORECAST_LATE_SECONDS

LONG_AGO = datetime.min.replace(tzinfo=UTC)
ENDLESS_FACTOR = 3.0  # a part that takes this many times its expected time may take any time: its end is not known
SURELY_THERE = frozenset({JobState.SUBMITTING, JobState.QUEUED, JobState.IMPORTING})  # an unconfirmed one may be


@dataclass(frozen=True, slots=True)
class Work:
    """An amount of work: a number of parts and the rows in all of them. Both may be fractions."""

    parts: float = 0.0
    rows: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        return Work(self.parts + other.parts, self.rows + other.rows)

    def share(self, fraction: float) -> "Work":
        return Work(self.parts * fraction, self.rows * fraction)

    def most(self, parts: float) -> "Work":
        """The same work cut down to this number of parts, where it has more."""
        return self.share(min(1.0, parts / self.parts)) if self.parts else self

    def seconds(self, throughput: ThroughputModel) -> float:
        """How long one importer takes for it."""
        return self.parts * throughput.seconds_for(self.rows / self.parts) if self.parts > 0 else 0.0


@dataclass(frozen=True, slots=True)
class BacklogSlice:
    """The sum of a client's waiting parts that follow each other in the order of acceptance."""

    priority: int
    client: str
    first_seq: int
    last_seq: int
    work: Work
    since: datetime  # when the first of these parts began to wait

    def before(self, accepted_seq: int | None) -> Work:
        """The share of it that was accepted before this place in the order, assuming that it is spread evenly."""
        if accepted_seq is None or accepted_seq > self.last_seq:
            return self.work
        return self.work.share(max(0, accepted_seq - self.first_seq) / (self.last_seq - self.first_seq + 1))


@dataclass(frozen=True, slots=True)
class CompletionEstimate:
    """The work that an instance has before it; `finish_of` tells when an import will be done."""

    now: datetime
    instance: Instance
    driven: bool  # a worker shows signs of life
    importers: int
    there: Sequence[Job]  # the jobs at Marketo, in the order in which Marketo got them
    line: Sequence[BacklogSlice]  # the waiting parts that may go as soon as their turn comes
    jobs_of: Mapping[int, frozenset[int]] = field(default_factory=dict)  # by import: the ids of those with rows of it
    held_up: frozenset[int] = frozenset()  # ids of imports of which a part is blocked by one of `endless`

    @property
    def endless(self) -> list[int]:
        """The ids of the jobs at Marketo whose end cannot be estimated."""
        spans, _ = self._queue()
        return [job.id for job in self.there if job.id not in spans]

    def finish_of(self, import_: Import) -> datetime | None:
        """When an unfinished import will be done; None where that cannot be estimated."""
        if not self._can_be_known(import_):
            return None
        spans, importers = self._queue()
        mine = self.jobs_of.get(import_.id, frozenset())
        own = [spans.get(job.id) for job in self.there if job.id in mine and job.state in SURELY_THERE]
        ends = [self.now, *(span.end for span in own if span)]
        if import_.parts[PartState.WAITING]:
            if not importers:
                return None
            left = sum((span.end - max(span.start, self.now)).total_seconds() for span in spans.values())
            ends.append(self._waiting_done(import_, left, importers))
        return None if None in own else max(ends)

    def finish_of_job(self, job: Job) -> datetime | None:
        """When Marketo will be done with a job, its results included; None: it is over, or that cannot be estimated."""
        if self._lasts(job.failing_since) or not self._is_predictable():
            return None
        if job.state is JobState.COLLECTING:
            return None if self._lasts(job.state_since) else self.now
        spans, _ = self._queue()
        return max(self.now, spans[job.id].end) if job.id in spans else None

    def finish_of_waiting(self) -> datetime | None:
        """When all that waits and may go will be done; None where nothing does, or that cannot be estimated."""
        work = sum((backlog.work for backlog in self.line), Work())
        spans, importers = self._queue()
        others_fill_the_queue = self.instance.external_alone and self.instance.incident(Occurrence.QUEUE_FULL)
        stands = self.instance.paused_at or (others_fill_the_queue and not self.there)
        if not work.parts or not importers or stands or not self._is_predictable():
            return None
        left = sum((span.end - max(span.start, self.now)).total_seconds() for span in spans.values())
        begin = max(self.now, self.instance.hold_until or self.now)
        return begin + _seconds((left + work.seconds(self.instance.throughput)) / importers)

    def _can_be_known(self, import_: Import) -> bool:
        if self._lasts(import_.remaining.collecting_since) or self._lasts(import_.remaining.failing_since):
            return False
        if import_.review_until:  # it goes when a person says so
            return False
        if import_.parts[PartState.UNCONFIRMED] or (import_.parts[PartState.WAITING] and self._cannot_go(import_)):
            return False
        return self._is_predictable()

    def _is_predictable(self) -> bool:
        """Whether Marketo is asked, and something has been learnt of how long it takes."""
        unreachable = self.instance.incident(Occurrence.UNREACHABLE)
        if unreachable and self._lasts(unreachable.since):
            return False
        return bool(self.driven and self.instance.throughput.jobs and not self.instance.blocked_at)

    def _cannot_go(self, import_: Import) -> bool:
        """Whether something without a known end keeps its waiting parts from being sent."""
        others_fill_the_queue = self.instance.external_alone and self.instance.incident(Occurrence.QUEUE_FULL)
        return bool(self.instance.paused_at or import_.id in self.held_up or (others_fill_the_queue and not self.there))

    def _lasts(self, since: datetime | None) -> bool:
        """Whether something that should soon be over has lasted so long that its end is not known."""
        return since is not None and self.now - since > _seconds(FORECAST_LATE_SECONDS)

    def _waiting_done(self, import_: Import, left_seconds: float, importers: int) -> datetime:
        """When the import's waiting parts will be done. `left_seconds`: the work of Marketo's importers until then."""
        throughput = self.instance.throughput
        own = Work(import_.parts[PartState.WAITING], import_.remaining.waiting_rows)
        last_seconds = own.share(1 / own.parts).seconds(throughput)
        before_last = own.seconds(throughput) - last_seconds
        ahead = left_seconds + self._ahead(import_, own).seconds(throughput)
        begin = max(self.now, self.instance.hold_until or self.now)
        done = begin + _seconds((ahead + before_last) / importers + last_seconds)
        not_before = import_.request.not_before
        if not_before is None or not_before <= self.now:
            return done
        return max(done, not_before + _seconds(before_last / importers + last_seconds))

    def _ahead(self, import_: Import, own: Work) -> Work:
        """The waiting work that goes before the import's last part: by priority, by acceptance, by fair share."""
        request, accepted_seq = import_.request, import_.remaining.accepted_seq
        ahead, mine, others = Work(), Work(), dict[str, Work]()
        for backlog in self.line:
            if backlog.priority == request.priority and backlog.client == request.client:
                mine += backlog.before(accepted_seq)
            elif backlog.priority == request.priority:
                others[backlog.client] = others.get(backlog.client, Work()) + backlog.work
        level = mine.rows + own.rows  # each other client gets at most this much done before: clients take turns
        for work in others.values():
            ahead += work.share(min(1.0, level / work.rows) if work.rows else 1.0)
        return self._with_others_priorities(import_, ahead + mine, own)

    def _with_others_priorities(self, import_: Import, ahead: Work, own: Work) -> Work:
        """`ahead` and the work of other priorities: all that is more urgent, and what has risen by waiting.

        Of SHARE jobs, one is for parts that have risen; the others are for the more urgent ones.
        """
        priority, since = (
            import_.request.priority,
            waiting_since(import_.created_at, import_.released_at, import_.request.not_before),
        )
        urgent, caught_up_with, risen = Work(), Work(), Work()
        for backlog in self.line:
            if backlog.priority > priority:
                if has_risen(priority, since, to=backlog.priority, now=self.now):
                    caught_up_with += backlog.work
                else:
                    urgent += backlog.work
            elif backlog.priority < priority and has_risen(backlog.priority, backlog.since, to=priority, now=self.now):
                risen += backlog.work
        ahead += urgent
        ahead += caught_up_with.most((ahead.parts + own.parts) * (SHARE - 1))
        return ahead + risen.most((ahead.parts + own.parts) / (SHARE - 1))

    def _queue(self) -> tuple[dict[int, Span], int]:
        """(when each job at Marketo begins and ends, by its id; how many importers make progress).

        A job whose end cannot be estimated is left out, and so is the importer that works on it.
        """
        throughput, there = self.instance.throughput, [job for job in self.there if job.state in SURELY_THERE]
        endless = {job.id for job in there if self._is_endless(job)}
        foreseeable = [job for job in there if job.id not in endless and not self._is_unheard(job)]
        importers = self.importers - len(endless)
        if importers <= 0 or self._others_import(foreseeable):
            return {}, 0
        foreseeable.sort(key=lambda job: job.state is not JobState.IMPORTING)
        jobs = [self._queued(job) for job in foreseeable]
        spans = forecast(jobs, free_at=[LONG_AGO] * importers, throughput=throughput, now=self.now).spans
        return {job.id: span for job, span in zip(foreseeable, spans, strict=True)}, importers

    def _is_endless(self, job: Job) -> bool:
        """Whether Marketo has worked on it for much longer than it should take."""
        if job.state is not JobState.IMPORTING or job.started_at is None:
            return False
        return self.now - job.started_at > _seconds(
            ENDLESS_FACTOR * self.instance.throughput.seconds_for(job.rows.total)
        )

    def _is_unheard(self, job: Job) -> bool:
        """Whether Marketo denies knowing its job, or has not answered questions about it for long."""
        return job.denials >= DENIALS or self._lasts(job.failing_since)

    def _others_import(self, foreseeable: Sequence[Job]) -> bool:
        """Whether other programs' jobs hold the importers: Marketo should have started one of ours long ago."""
        queued = [job for job in foreseeable if job.state is JobState.QUEUED and job.submitted_at]
        if not queued or any(job.state is JobState.IMPORTING for job in foreseeable):
            return False
        since = max(filter(None, (queued[0].submitted_at, self.instance.moved_at)))
        expected_seconds = ENDLESS_FACTOR * self.instance.throughput.seconds_for(queued[0].rows.total)
        return self.now - since > _seconds(max(expected_seconds, FORECAST_LATE_SECONDS))

    def _queued(self, job: Job) -> QueuedJob:
        """An importing job began when we saw it begin; a queued job begins once an importer is free."""
        if job.state is not JobState.IMPORTING:
            return QueuedJob(job.rows.total, submitted_at=self.now)
        return QueuedJob(
            job.rows.total, job.started_at or self.now, self.now, job.rows.pending if job.counted else None
        )


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
