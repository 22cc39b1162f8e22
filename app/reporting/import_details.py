"""All that there is to tell of one import: its parts, its history, what became of its rows, its retries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.clock import Clock
from app.domain.events import WARNED, EventType, Occurrence
from app.domain.imports import Import
from app.domain.jobs import Job
from app.domain.lifecycle import Move
from app.reporting.imports import ImportReader, ImportView
from app.reporting.parts import PartReader, PartView
from app.reporting.result_export import ReasonCounts, ResultExport
from app.store import events, import_queries, job_queries
from app.store.attention import AttentionCriteria
from app.store.database import Database
from app.store.events import Event
from app.store.results import Kind

MOST_EVENTS = 40  # that are told whole; of a longer history only what is notable
MOST_RETRIES = 20  # that are named, the newest; and as many imports before this one
ROUTINE = frozenset({Move.CLAIM, Move.ACCEPT, Move.START, Move.FINISH, Move.COLLECT})
NOTABLE: frozenset[EventType] = frozenset({*Occurrence, *Move} - ROUTINE) | WARNED
"""What is told also of a long history: everything but the usual way of each part."""


@dataclass(frozen=True, slots=True)
class ImportDetails:
    view: ImportView
    parts: Sequence[PartView]
    jobs: Mapping[int, Job]  # by id: those of its parts that hold a place at Marketo
    finish_times: Mapping[int, datetime]  # by job, as far as they are known
    events: Sequence[Event]  # oldest first
    has_more_events: bool  # only the notable ones are here
    first_of: Sequence[int]  # the imports whose rows these are once more, the first one first
    retries: Sequence[Import]  # made of its rows, newest first
    failures: ReasonCounts
    warnings: ReasonCounts
    columns: int
    file_erased_at: datetime | None

    @property
    def import_(self) -> Import:
        return self.view.summary

    @property
    def last_retry(self) -> int:
        """0 where there is none."""
        return self.retries[0].id if self.retries else 0


@dataclass(frozen=True, slots=True)
class DetailReader:
    db: Database
    now: Clock
    imports: ImportReader
    parts: PartReader
    results: ResultExport

    async def read(self, import_: Import, *, may_see: Callable[[str], bool]) -> ImportDetails:
        """`may_see`: whether the imports of a client may be named."""
        view = await self.imports.view(import_)
        parts = await self.parts.read(import_, may_see=may_see)
        mine = {each.part.job_id for each in parts if each.part.job_id is not None}
        criteria = AttentionCriteria(now=self.now(), stuck_seconds=self.imports.stuck_seconds)
        async with self.db.read() as tx:
            there = [job for job in await job_queries.at_marketo(tx, [import_.request.instance]) if job.id in mine]
            history = await events.page(tx, import_.id, after=0, size=MOST_EVENTS + 1)
            if has_more := len(history) > MOST_EVENTS:
                history = await events.notable(tx, import_.id, NOTABLE, most=MOST_EVENTS)
            retries = await import_queries.retries_of(tx, import_.id, most=MOST_RETRIES, by=criteria)
            first_of = await import_queries.ancestors(tx, import_, most=MOST_RETRIES)
            summary = await import_queries.get_summary(tx, import_.id)
        finish_times = await self.imports.estimates.estimate_jobs(import_.request.instance, there)
        return ImportDetails(
            view=view,
            parts=parts,
            jobs={job.id: job for job in there},
            finish_times=finish_times,
            events=history,
            has_more_events=has_more,
            first_of=first_of,
            retries=retries,
            failures=await self.results.count_reasons(import_, Kind.FAILURES),
            warnings=await self.results.count_reasons(import_, Kind.WARNINGS),
            columns=len(summary.columns) if summary else 0,
            file_erased_at=summary.file_erased_at if summary else None,
        )
