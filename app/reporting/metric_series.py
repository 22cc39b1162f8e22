"""The catalogue of metrics: each series with its kind, its labels and what it means; docs/operating.md lists them.

Names, units and labels are as Prometheus recommends: base units, `_total` on what only rises, and no label whose values
are a caller's or without bound. The module is long because it is one catalogue.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib.metadata import version

from app.domain.imports import FINISHED, ImportStatus
from app.domain.lifecycle import FINAL, JOB_ENDED, JobState, Move, PartState
from app.reporting.instances import InstanceView
from app.store import counters
from app.store.counters import Counters
from app.store.disk_usage import DiskUsage


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the database said at one moment: every series is computed from it."""

    now: datetime
    imports: Mapping[str, Mapping[ImportStatus, int]]  # unfinished ones, by instance and status
    instances: Sequence[InstanceView]
    counters: Counters
    waiting_deliveries: int
    webhooks: Mapping[str, int]  # endpoints, by how they are doing
    usage: DiskUsage

    def counted(self, instance: InstanceView, name: str) -> Mapping[str, float]:
        """What the counter of that name has for an instance, by label."""
        return self.counters.get(name, {}).get(instance.instance.name, {})


class Kind(StrEnum):
    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Histogram:
    """How long something took, or how much it had, over all that was measured."""

    buckets: Sequence[tuple[str, float]]  # upper bound, and how many values are no larger
    total: float  # all values together


Sample = tuple[tuple[str, ...], float | Histogram]
"""The values of the labels, in their order, and what is measured."""
Read = Callable[[Numbers], Iterator[Sample]]


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str
    read: Read


NEVER = float("inf")
VERSION = version("marketo-sluice")


def _each(value: Callable[[InstanceView], float]) -> Read:
    """One sample for each instance."""
    return lambda numbers: (((view.instance.name,), value(view)) for view in numbers.instances)


def _counter(name: str, labels: Sequence[str]) -> Read:
    """A counter for each instance and label; those that never counted anything are 0."""

    def read(numbers: Numbers) -> Iterator[Sample]:
        for view in numbers.instances:
            counted = numbers.counted(view, name)
            for label in labels:
                yield (view.instance.name, label), counted.get(label, 0)

    return read


def _histogram(name: str, bounds: Sequence[int] = counters.BOUNDS_SECONDS) -> Read:
    """The values, durations mostly, that the counter of this name has for each instance."""

    def read(numbers: Numbers) -> Iterator[Sample]:
        for view in numbers.instances:
            counted = numbers.counted(view, name)
            yield (view.instance.name,), Histogram(counters.buckets(counted, bounds), counted.get(counters.SUM, 0.0))

    return read


def _build(_numbers: Numbers) -> Iterator[Sample]:
    yield (VERSION,), 1


def _webhooks(numbers: Numbers) -> Iterator[Sample]:
    for state, number in numbers.webhooks.items():
        yield (state,), number


def _waiting_deliveries(numbers: Numbers) -> Iterator[Sample]:
    yield (), numbers.waiting_deliveries


def _unfinished(numbers: Numbers) -> Iterator[Sample]:
    for view in numbers.instances:
        for status in (ImportStatus.QUEUED, ImportStatus.IMPORTING):
            yield (view.instance.name, status), numbers.imports.get(view.instance.name, {}).get(status, 0)


def _parts(numbers: Numbers) -> Iterator[Sample]:
    for view in numbers.instances:
        for state in UNFINISHED_STATES:
            yield (view.instance.name, state), view.queue.parts.get(state, 0)


def _calls(numbers: Numbers, values: Callable[[InstanceView], tuple[int, int]]) -> Iterator[Sample]:
    for view in numbers.instances:
        for period, value in zip(("day", "window"), values(view), strict=True):
            yield (view.instance.name, period), value


def _answers(numbers: Numbers) -> Iterator[Sample]:
    for view in numbers.instances:
        for label, number in numbers.counted(view, counters.ANSWERS).items():
            call, _, code = label.partition(" ")
            yield (view.instance.name, call, code), number


def _unconfirmed(numbers: Numbers) -> Iterator[Sample]:
    for view in numbers.instances:
        moves = numbers.counted(view, counters.MOVES)
        yield (view.instance.name,), moves.get(Move.LOSE, 0) + moves.get(Move.FORGET, 0)


def _warned(numbers: Numbers) -> Iterator[Sample]:
    for view in numbers.instances:
        yield (view.instance.name,), numbers.counted(view, counters.ROWS).get("warned", 0)


def _calls_saved(numbers: Numbers) -> Iterator[Sample]:
    for view in numbers.instances:
        yield (view.instance.name,), sum(numbers.counted(view, counters.CALLS_SAVED).values())


def _ticks(numbers: Numbers) -> Iterator[Sample]:
    for view in numbers.instances:
        for tick, at in view.instance.ticked.items():
            yield (view.instance.name, tick), _age(numbers, at)


def _heartbeats(numbers: Numbers) -> Iterator[Sample]:
    for view in numbers.instances:
        at = view.instance.heartbeat_at
        yield (view.instance.name,), _age(numbers, at) if at else NEVER


def _age(numbers: Numbers, at: datetime) -> float:
    return max(0.0, (numbers.now - at).total_seconds())


def _size(numbers: Numbers) -> Iterator[Sample]:
    yield (), numbers.usage.size_bytes


def _free(numbers: Numbers) -> Iterator[Sample]:
    if numbers.usage.free_bytes is not None:
        yield (), numbers.usage.free_bytes


def _connections(numbers: Numbers) -> Iterator[Sample]:
    if connections := numbers.usage.connections:
        yield (), connections.used


def _connections_most(numbers: Numbers) -> Iterator[Sample]:
    if connections := numbers.usage.connections:
        yield (), connections.most


UNFINISHED_STATES = [state for state in PartState if state not in FINAL]
OUTCOMES = ("imported", "failed", "unprocessed")
JOB_ENDS = [state for state in JobState if state in JOB_ENDED]
ENDS = [status for status in ImportStatus if status in FINISHED]
G, C, H = Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM
BY, NOTHING = ("marketo_instance",), ()  # labels; `instance` is Prometheus's own label for the process it scrapes

# One entry for each series.
CATALOGUE = (
    Series("sluice_build_info", Kind.INFO, ("version",), "This version.", _build),
    # What there is now
    Series("sluice_imports", G, (*BY, "status"), "Imports that are not finished.", _unfinished),
    Series("sluice_parts", G, (*BY, "state"), "Parts that have not ended, but those under review.", _parts),
    Series("sluice_review_parts", G, BY, "Parts of imports under review.", _each(lambda v: v.queue.review_parts)),
    Series(
        "sluice_waiting_rows",
        G,
        BY,
        "Rows of parts that wait here, but those under review.",
        _each(lambda v: v.queue.waiting_rows),
    ),
    Series(
        "sluice_waiting_oldest_seconds",
        G,
        BY,
        "For how long the oldest import with a waiting part could have gone.",
        _each(lambda v: v.waited_seconds),
    ),
    Series(
        "sluice_importing_oldest_seconds",
        G,
        BY,
        "For how long Marketo has been importing the part that it began with first.",
        _each(lambda v: v.importing_seconds),
    ),
    Series("sluice_slots_used", G, BY, "Places of Marketo's queue that are ours.", _each(lambda v: v.slots_used)),
    Series("sluice_slots", G, BY, "Places there that we may take.", _each(lambda v: v.settings.max_queued)),
    Series(
        "sluice_slots_of_others",
        G,
        BY,
        "Places there that jobs of other programs are thought to hold, as a 1016 taught.",
        _each(lambda v: v.slots_of_others),
    ),
    Series(
        "sluice_parts_failing",
        G,
        BY,
        "Parts whose tries have not gone through for half a minute or longer.",
        _each(lambda v: len(v.queue.failing)),
    ),
    Series(
        "sluice_parts_unknown_at_marketo",
        G,
        BY,
        "Parts whose jobs Marketo denies knowing, again and again.",
        _each(lambda v: v.queue.unknown_at_marketo),
    ),
    Series(
        "sluice_importer_idle_seconds",
        G,
        BY,
        "For how long one of Marketo's importers has had nothing from us while a part could go; 0 if none has.",
        _each(lambda v: v.idle_seconds),
    ),
    Series(
        "sluice_instance_running",
        G,
        BY,
        "1 while parts may be submitted; 0 if paused, blocked or backing off.",
        _each(lambda v: v.condition == "running"),
    ),
    Series(
        "sluice_instance_blocked",
        G,
        BY,
        "1 while Marketo refuses our credentials or rights.",
        _each(lambda v: v.instance.blocked_at is not None),
    ),
    Series(
        "sluice_marketo_calls",
        G,
        (*BY, "period"),
        "Calls to Marketo that count against the day (US Central) or the sliding window.",
        lambda numbers: _calls(numbers, lambda v: (v.calls_today, v.calls_in_window)),
    ),
    Series(
        "sluice_marketo_calls_allowed",
        G,
        (*BY, "period"),
        "Calls to Marketo that we may make in that period.",
        lambda numbers: _calls(numbers, lambda v: (v.settings.daily_calls, v.settings.calls_per_window)),
    ),
    Series("sluice_worker_heartbeat_age_seconds", G, BY, "Since a worker's sign of life; +Inf: never.", _heartbeats),
    Series(
        "sluice_tick_age_seconds",
        G,
        (*BY, "tick"),
        "Since the worker was last done with a step, as of its last sign of life.",
        _ticks,
    ),
    Series("sluice_webhooks", G, ("state",), "Endpoints that are on, failing or off.", _webhooks),
    Series(
        "sluice_webhook_deliveries_waiting",
        G,
        NOTHING,
        "Deliveries to be sent, for the first time or again; 100,000 at most are counted.",
        _waiting_deliveries,
    ),
    Series("sluice_database_size_bytes", G, NOTHING, "Size of the database.", _size),
    Series("sluice_database_free_bytes", G, NOTHING, "Free space of the database's disk (SQLite only).", _free),
    Series(
        "sluice_database_connections",
        G,
        NOTHING,
        "Connections to the server or to the database, whichever is nearer its limit (PostgreSQL only).",
        _connections,
    ),
    Series("sluice_database_connections_allowed", G, NOTHING, "That limit.", _connections_most),
    # What has happened since the database was made
    Series(
        "sluice_imports_finished_total",
        C,
        (*BY, "status"),
        "Imports that finished.",
        _counter(counters.FINISHED, ENDS),
    ),
    Series(
        "sluice_rows_total",
        C,
        (*BY, "outcome"),
        "Rows of parts that ended; unprocessed ones are of parts that failed or were cancelled.",
        _counter(counters.ROWS, OUTCOMES),
    ),
    Series(
        "sluice_webhook_deliveries_total",
        C,
        (*BY, "outcome"),
        "Tries to deliver: delivered, to be retried, or failed for good.",
        _counter(counters.DELIVERIES, ("delivered", "retried", "failed")),
    ),
    Series("sluice_rows_warned_total", C, BY, "Rows that Marketo imported with a remark.", _warned),
    Series("sluice_moves_total", C, (*BY, "move"), "Moves of parts.", _counter(counters.MOVES, list(Move))),
    Series("sluice_parts_unconfirmed_total", C, BY, "Times that a part became unconfirmed.", _unconfirmed),
    Series(
        "sluice_jobs_total",
        C,
        (*BY, "outcome"),
        "Jobs that ended; over: nothing more is expected of it, and its parts go in another one.",
        _counter(counters.JOBS, JOB_ENDS),
    ),
    Series(
        "sluice_calls_saved_total",
        C,
        BY,
        "Submissions that were not needed, because parts went together: for each job that Marketo accepted, its parts "
        "but one; for one whose parts had to go again, each alone, none.",
        _calls_saved,
    ),
    Series(
        "sluice_marketo_answers_total",
        C,
        (*BY, "call", "code"),
        "Answers to our calls, by Marketo's code or else the HTTP status; `other`: a code that is not known here; "
        "`none`: no whole answer came.",
        _answers,
    ),
    Series(
        "sluice_job_parts",
        H,
        BY,
        "Parts of the jobs that ended.",
        _histogram(counters.JOB_PARTS, counters.BOUNDS_PARTS),
    ),
    Series(
        "sluice_import_waiting_seconds", H, BY, "From an import's acceptance to its start.", _histogram(counters.WAITED)
    ),
    Series("sluice_import_running_seconds", H, BY, "From an import's start to its end.", _histogram(counters.RAN)),
    Series(
        "sluice_import_duration_seconds", H, BY, "From an import's acceptance to its end.", _histogram(counters.TOOK)
    ),
)
