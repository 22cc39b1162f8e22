"""The way of an import as bars: for each part, or group of parts, how long it waited and how long Marketo had it.

Places are percents of the whole time, rounded, so that a page which is fetched again and again changes now and then.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.events import Occurrence
from app.domain.imports import Import
from app.domain.lifecycle import FINAL, Move, PartState
from app.reporting.parts import PartView
from app.store.events import Event

MOST_LANES = 20  # more parts than these are shown in groups
STEP = 0.5  # percent
LEAST = 0.5  # percent, of a segment: it is to be seen
GROWTH = 1.25  # by which the time that is shown grows, each time that it gets too short
SHORTEST_SECONDS = 10.0
MARKED = frozenset(
    {Move.TURN_AWAY, Move.LOSE, Move.REFUSE, Move.FAIL, Move.SEPARATE, Move.FORGET, Move.GIVE_UP, Occurrence.STUCK}
)
"""What is marked on a part's bar: tries that did not go through, and bad ends."""


@dataclass(frozen=True, slots=True)
class Segment:
    kind: str  # waits, queued, importing, unconfirmed, forecast
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Lane:
    """A part, or some that follow each other."""

    views: Sequence[PartView]
    segments: Sequence[Segment]
    marks: Sequence[float]
    finish_at: datetime | None  # when Marketo should be done with it

    @property
    def first(self) -> PartView:
        return self.views[0]

    @property
    def last(self) -> PartView:
        return self.views[-1]

    @property
    def is_group(self) -> bool:
        return len(self.views) > 1

    @property
    def states(self) -> Mapping[PartState, int]:
        """In the order of the life."""
        counts = Counter(view.part.state for view in self.views)
        return {state: counts[state] for state in PartState if counts[state]}


@dataclass(frozen=True, slots=True)
class Timeline:
    lanes: Sequence[Lane]
    begins_at: datetime
    ends_at: datetime
    now_x: float | None  # where the present is; None: the import is finished

    @property
    def kinds(self) -> frozenset[str]:
        """What the legend has to explain."""
        marked = {"mark-bad"} if any(lane.marks for lane in self.lanes) else set()
        return frozenset({segment.kind for lane in self.lanes for segment in lane.segments} | marked)


def timeline(
    import_: Import,
    views: Sequence[PartView],
    events: Sequence[Event],
    *,
    finish_times: Mapping[int, datetime],
    estimated_finish_at: datetime | None,
    now: datetime,
) -> Timeline:
    """`finish_times`: by job. The time that is shown ends with the import, or with its estimate."""
    begins_at = import_.created_at
    ends_at = import_.finished_at or _rounded_end(begins_at, max(now, estimated_finish_at or now))
    axis = _Axis(begins_at, max(ends_at, begins_at + timedelta(seconds=1)), now)
    size = math.ceil(len(views) / MOST_LANES) or 1
    groups = [views[at : at + size] for at in range(0, len(views), size)]
    return Timeline(
        lanes=[_lane(group, events, finish_times, axis) for group in groups],
        begins_at=begins_at,
        ends_at=ends_at,
        now_x=None if import_.finished_at else axis.x(now),
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    begins_at: datetime
    ends_at: datetime
    now: datetime

    def x(self, at: datetime) -> float:
        share = (at - self.begins_at) / (self.ends_at - self.begins_at)
        return min(100.0, max(0.0, round(100 * share / STEP) * STEP))

    def segment(self, kind: str, since: datetime, until: datetime) -> Segment:
        x = min(self.x(since), 100 - LEAST)
        return Segment(kind, x, max(LEAST, self.x(until) - x))


def _lane(
    views: Sequence[PartView], events: Sequence[Event], finish_times: Mapping[int, datetime], axis: _Axis
) -> Lane:
    times = [at for view in views if (at := finish_times.get(view.part.job_id or 0))]
    finish_at = max(times, default=None)
    numbers = {view.part.number for view in views}
    marks = [axis.x(event.at) for event in events if event.part in numbers and event.type in MARKED]
    segments = list(_of_group(views, axis) if len(views) > 1 else _of_part(views[0], finish_at, axis))
    return Lane(views, segments, sorted(set(marks)), finish_at)


def _of_part(view: PartView, finish_at: datetime | None, axis: _Axis) -> Iterator[Segment]:
    part = view.part
    until = part.finished_at or axis.now
    if part.state in {PartState.WAITING, PartState.CANCELLED} or (part.submitted_at is None and part.state in FINAL):
        yield axis.segment("waits", axis.begins_at, until)
        return
    sent_at = part.submitted_at or part.state_since or axis.now
    yield axis.segment("waits", axis.begins_at, sent_at)
    if part.state is PartState.UNCONFIRMED:
        yield axis.segment("unconfirmed", sent_at, until)
        return
    yield axis.segment("queued", sent_at, part.started_at or until)
    if part.started_at:
        yield axis.segment("importing", part.started_at, until)
    if part.state not in FINAL and finish_at and finish_at > axis.now:
        yield axis.segment("forecast", axis.now, finish_at)


def _of_group(views: Sequence[PartView], axis: _Axis) -> Iterator[Segment]:
    """From when the first went to when the last ended, as one bar; what comes before and waits, as another."""
    sent = [view.part.submitted_at for view in views if view.part.submitted_at]
    if not sent:
        yield axis.segment("waits", axis.begins_at, max(v.part.finished_at or axis.now for v in views))
        return
    yield axis.segment("waits", axis.begins_at, min(sent))
    yield axis.segment("importing", min(sent), max(view.part.finished_at or axis.now for view in views))


def _rounded_end(begins_at: datetime, needed: datetime) -> datetime:
    """An end that stays the same for a while although the time goes on."""
    seconds = max(SHORTEST_SECONDS, (needed - begins_at).total_seconds())
    steps = math.ceil(math.log(seconds / SHORTEST_SECONDS, GROWTH) - 1e-9)
    return begins_at + timedelta(seconds=SHORTEST_SECONDS * GROWTH**steps)
