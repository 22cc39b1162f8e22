"""When an import will be done, foretold from what is written down alone: whoever asks, in whatever process.

Marketo's importers are taken as one that is so many times as fast. Before an import's last part is begun, the parts at
Marketo, the parts that go before its own, and its own others have to be through; then that last one takes its time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.domain.ageing import SHARE, has_risen
from app.domain.events import Occurrence
from app.domain.imports import Import
from app.domain.instances import Instance
from app.domain.lifecycle import State
from app.domain.parts import Part
from app.domain.throughput import Job, Span, ThroughputModel, forecast
from app.domain.timeouts import DENIALS, FORECAST_LATE_SECONDS

LONG_AGO = datetime.min.replace(tzinfo=UTC)
OVERDUE = 3.0  # a part that takes so many times as long as was thought may take for ever: nobody knows
THERE = frozenset({State.SUBMITTING, State.QUEUED, State.IMPORTING})  # one more may be there: nobody knows


@dataclass(frozen=True, slots=True)
class Work:
    """So many parts with so many rows in all; fractions where only a share is meant."""

    parts: float = 0.0
    rows: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        return Work(self.parts + other.parts, self.rows + other.rows)

    def share(self, of_it: float) -> "Work":
        return Work(self.parts * of_it, self.rows * of_it)

    def most(self, parts: float) -> "Work":
        """As many of its parts as that, or all."""
        return self.share(min(1.0, parts / self.parts)) if self.parts else self

    def seconds(self, pace: ThroughputModel) -> float:
        """For one importer."""
        return self.parts * pace.seconds_for(self.rows / self.parts) if self.parts > 0 else 0.0


@dataclass(frozen=True, slots=True)
class BacklogSlice:
    """Waiting parts of a client that follow each other in the order of acceptance, summed."""

    priority: int
    client: str
    first_seq: int
    last_seq: int
    work: Work
    since: datetime  # when the first of them began to wait

    def before(self, accepted_seq: int | None) -> Work:
        """What of it was accepted before this place, as far as the sums tell."""
        if accepted_seq is None or accepted_seq > self.last_seq:
            return self.work
        return self.work.share(max(0, accepted_seq - self.first_seq) / (self.last_seq - self.first_seq + 1))


@dataclass(frozen=True, slots=True)
class CompletionEstimate:
    """What an instance has before it."""

    now: datetime
    instance: Instance
    driven: bool  # a worker shows signs of life
    importers: int
    there: Sequence[Part]  # at Marketo, in the order Marketo got them
    line: Sequence[BacklogSlice]  # what waits and may go as soon as its turn comes
    held_up: frozenset[int] = frozenset()  # imports of which a part waits behind one of `endless`

    @property
    def endless(self) -> list[int]:
        """The parts at Marketo whose end is not in sight."""
        spans, _ = self._queue()
        return [part.id for part in self.there if part.id not in spans]

    def finish_of(self, wanted: Import) -> datetime | None:
        """When an unfinished import will be done; None where that cannot be known."""
        if not self._can_be_known(wanted):
            return None
        spans, importers = self._queue()
        own = [spans.get(part.id) for part in self.there if part.import_id == wanted.id and part.state in THERE]
        ends = [self.now, *(span.end for span in own if span)]
        if wanted.parts[State.WAITING]:
            if not importers:
                return None
            left = sum((span.end - max(span.start, self.now)).total_seconds() for span in spans.values())
            ends.append(self._waiting_done(wanted, left, importers))
        return None if None in own else max(ends)

    def _can_be_known(self, wanted: Import) -> bool:
        if self._lasts(wanted.remaining.collecting_since) or self._lasts(wanted.remaining.failing_since):
            return False
        if wanted.parts[State.UNCONFIRMED] or (wanted.parts[State.WAITING] and self._cannot_go(wanted)):
            return False
        unreachable = self.instance.incident(Occurrence.UNREACHABLE)
        if unreachable and self._lasts(unreachable.since):
            return False
        return bool(self.driven and self.instance.pace.jobs and not self.instance.blocked_at)

    def _cannot_go(self, wanted: Import) -> bool:
        """Nobody knows when its waiting parts may go."""
        others_fill_it = self.instance.external_alone and self.instance.incident(Occurrence.QUEUE_FULL)
        return bool(self.instance.paused_at or wanted.id in self.held_up or (others_fill_it and not self.there))

    def _lasts(self, since: datetime | None) -> bool:
        """Whether what should soon be over has lasted for so long that it may last for any time."""
        return since is not None and self.now - since > _seconds(FORECAST_LATE_SECONDS)

    def _waiting_done(self, wanted: Import, left_seconds: float, importers: int) -> datetime:
        """When its waiting parts are through, with so much left to do at Marketo."""
        pace, own = self.instance.pace, Work(wanted.parts[State.WAITING], wanted.remaining.waiting_rows)
        last_seconds = own.share(1 / own.parts).seconds(pace)
        before_last = own.seconds(pace) - last_seconds
        ahead = left_seconds + self._ahead(wanted, own).seconds(pace)
        begin = max(self.now, self.instance.hold_until or self.now)
        done = begin + _seconds((ahead + before_last) / importers + last_seconds)
        not_before = wanted.request.not_before
        if not_before is None or not_before <= self.now:
            return done
        return max(done, not_before + _seconds(before_last / importers + last_seconds))

    def _ahead(self, wanted: Import, own: Work) -> Work:
        """What goes before its last waiting part: higher priority, earlier acceptance, and others' fair share."""
        request, accepted_seq = wanted.request, wanted.remaining.accepted_seq
        ahead, mine, others = Work(), Work(), dict[str, Work]()
        for stretch in self.line:
            if stretch.priority == request.priority and stretch.client == request.client:
                mine += stretch.before(accepted_seq)
            elif stretch.priority == request.priority:
                others[stretch.client] = others.get(stretch.client, Work()) + stretch.work
        level = mine.rows + own.rows  # until then, clients who have as much waiting take turns with this one
        for work in others.values():
            ahead += work.share(min(1.0, level / work.rows) if work.rows else 1.0)
        return self._with_others_priorities(wanted, ahead + mine, own)

    def _with_others_priorities(self, wanted: Import, ahead: Work, own: Work) -> Work:
        """And what is more urgent; or has risen as high, and gets one job of SHARE, while the others get the rest."""
        priority, since = wanted.request.priority, max(wanted.created_at, wanted.request.not_before or LONG_AGO)
        urgent, passed, elders = Work(), Work(), Work()
        for stretch in self.line:
            if stretch.priority > priority:
                if has_risen(priority, since, to=stretch.priority, now=self.now):
                    passed += stretch.work
                else:
                    urgent += stretch.work
            elif stretch.priority < priority and has_risen(stretch.priority, stretch.since, to=priority, now=self.now):
                elders += stretch.work
        ahead += urgent
        ahead += passed.most((ahead.parts + own.parts) * (SHARE - 1))
        return ahead + elders.most((ahead.parts + own.parts) / (SHARE - 1))

    def _queue(self) -> tuple[dict[int, Span], int]:
        """(when each part at Marketo begins and ends, by its id; how many importers get on).

        A part whose end cannot be known is missing, and so is its importer.
        """
        pace, there = self.instance.pace, [part for part in self.there if part.state in THERE]
        late = {part.id for part in there if self._overdue(part)}
        known = [part for part in there if part.id not in late and not self._is_unheard(part)]
        importers = self.importers - len(late)
        if importers <= 0 or self._others_import(known):
            return {}, 0
        known.sort(key=lambda part: part.state is not State.IMPORTING)
        jobs = [self._job(part) for part in known]
        spans = forecast(jobs, free_at=[LONG_AGO] * importers, pace=pace, now=self.now).spans
        return {part.id: span for part, span in zip(known, spans, strict=True)}, importers

    def _overdue(self, part: Part) -> bool:
        if part.state is not State.IMPORTING or part.started_at is None:
            return False
        return self.now - part.started_at > _seconds(OVERDUE * self.instance.pace.seconds_for(part.rows.total))

    def _is_unheard(self, part: Part) -> bool:
        """Marketo denies knowing its job, or has not answered a question about it for long."""
        return part.denials >= DENIALS or self._lasts(part.failing_since)

    def _others_import(self, known: Sequence[Part]) -> bool:
        """Whether others' jobs hold the importers: one of ours should have been begun with long ago, and is not."""
        queued = [part for part in known if part.state is State.QUEUED and part.submitted_at]
        if not queued or any(part.state is State.IMPORTING for part in known):
            return False
        since = max(filter(None, (queued[0].submitted_at, self.instance.moved_at)))
        thought = OVERDUE * self.instance.pace.seconds_for(queued[0].rows.total)
        return self.now - since > _seconds(max(thought, FORECAST_LATE_SECONDS))

    def _job(self, part: Part) -> Job:
        """One at work began when it was seen to; one in the queue begins once an importer is free."""
        if part.state is not State.IMPORTING:
            return Job(part.rows.total, submitted_at=self.now)
        return Job(part.rows.total, part.started_at or self.now, self.now, part.rows.pending if part.counted else None)


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
