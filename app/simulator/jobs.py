"""Marketo's queue of import jobs: first in, first out; 2 imported at once; 10 in it, those 2 included.

Progress is a function of time: whoever looks first settles everything that has happened since the last look, in its
order and with its own times, so looking often or once tells the same story.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from app.simulator.answers import Refusal
from app.simulator.delimited import Sheet
from app.simulator.importing import Outcome
from app.simulator.rules import Rules
from app.simulator.targets import Target

Status = Literal["Queued", "Importing", "Complete", "Failed"]


@dataclass(slots=True)
class Carried:
    """What a job carried: its rows as written, and why some of them failed or were warned of, by their index."""

    sheet: Sheet
    failures: list[tuple[int, str]] = field(default_factory=list)  # once it has ended; and the same below
    warnings: list[tuple[int, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "header": self.sheet.header,
            "rows": self.sheet.rows,
            "failures": [list(failure) for failure in self.failures],
            "warnings": [list(warning) for warning in self.warnings],
        }


@dataclass(slots=True)
class Job:
    """One job. `seconds` is how long it will import; `ends_at` when it will leave (foreign jobs: from the start)."""

    batch_id: int
    queue_name: str  # of the queue that it counts in: "all", or its object type where each type has its own
    rows: int
    seconds: float
    queued_at: float
    target: Target | None = None  # None: another integration's job
    sha256: str = ""
    file_bytes: int = 0
    overhead_bytes: int = 0
    status: Status = "Queued"
    started_at: float | None = None
    finished_at: float | None = None
    ends_at: float = math.inf
    polls_left: int | None = None
    fails_with: str | None = None
    all_fail_with: str | None = None
    sheet: Sheet | None = None  # until the job ends
    carried: Carried | None = None  # kept beyond its end, where the rules say so
    outcome: Outcome = field(default_factory=Outcome)  # from its start to its end
    counts: tuple[int, int, int] = (0, 0, 0)  # imported, failed, warned; once it has ended
    failures_file: bytes | None = None
    warnings_file: bytes | None = None
    hidden: set[str] = field(default_factory=set)  # "batch", "failures", "warnings": what a fault made vanish

    @property
    def outstanding(self) -> bool:
        return self.status in ("Queued", "Importing")

    def counts_at(self, now: float) -> tuple[int, int, int]:
        """Imported, failed and warned rows as an observer sees them at that time."""
        return self.outcome.counts(self._rows_done(now)) if self.status == "Importing" else self.counts

    def _rows_done(self, now: float) -> int:
        if self.started_at is None or not math.isfinite(self.ends_at):
            return 0
        length = self.ends_at - self.started_at
        return min(self.rows, int(self.rows * (now - self.started_at) / length)) if length > 0 else 0


class Queue:
    """The jobs in the queue, and the two moments of a job that others need to hear of."""

    def __init__(self, rules: Rules, *, on_start: Callable[[Job], None], on_finish: Callable[[Job], None]) -> None:
        self._rules = rules
        self._on_start = on_start
        self._on_finish = on_finish
        self._jobs: list[Job] = []  # in the order they came
        self._at = -math.inf
        self._held_until = -math.inf
        self.most_outstanding = 0
        self.most_own_outstanding = 0
        self.most_importing = 0

    @property
    def outstanding(self) -> list[Job]:
        return list(self._jobs)

    def places_left(self, queue_name: str) -> int:
        return self._rules.places - sum(job.queue_name == queue_name for job in self._jobs)

    def check_place(self, queue_name: str) -> None:
        if self.places_left(queue_name) < 1:
            raise Refusal("1016")

    def add(self, job: Job, now: float) -> None:
        """Queues the job; it starts at once if an importer is free. Settle and check for a place first."""
        self._jobs.append(job)
        self.most_outstanding = max(self.most_outstanding, len(self._jobs))
        own = sum(job.target is not None for job in self._jobs)
        self.most_own_outstanding = max(self.most_own_outstanding, own)
        self.settle(now)

    def hold(self, until: float) -> None:
        """Lets no job start before this moment."""
        self._held_until = max(self._held_until, until)

    def poll(self, job: Job, now: float) -> None:
        """Counts a status call that has found the job importing: with progress by polls, jobs end by their number."""
        if job.polls_left is None or job.status != "Importing":
            return
        job.polls_left -= 1
        if job.polls_left <= 0:
            job.ends_at = now
            self.settle(now)

    def settle(self, now: float) -> None:
        """Lets everything happen that is due until now: jobs end, and free importers take the next."""
        while True:
            self._start_next()
            at = self._next_moment()
            if at > now:
                break
            self._at = max(self._at, at)
            for job in [job for job in self._jobs if job.ends_at <= self._at]:
                self._finish(job)
        self._at = max(self._at, now)
        self._start_next()

    def _start_next(self) -> None:
        if self._at < self._held_until:
            return
        for job in self._jobs:
            importing = sum(j.status == "Importing" for j in self._jobs if j.queue_name == job.queue_name)
            if job.status == "Queued" and importing < self._rules.importers:
                self._start(job)

    def _start(self, job: Job) -> None:
        job.status = "Importing"
        job.started_at = max(self._at, job.queued_at)
        if job.target is not None and job.polls_left is None:
            job.ends_at = job.started_at + job.seconds
        self.most_importing = max(self.most_importing, sum(j.status == "Importing" for j in self._jobs))
        self._on_start(job)

    def _finish(self, job: Job) -> None:
        self._jobs.remove(job)
        job.finished_at = job.ends_at
        job.status = "Failed" if job.fails_with is not None else "Complete"
        self._on_finish(job)

    def _next_moment(self) -> float:
        is_held = self._at < self._held_until and any(job.status == "Queued" for job in self._jobs)
        return min([job.ends_at for job in self._jobs] + ([self._held_until] if is_held else []), default=math.inf)
