"""The overview: everything that a person wants to know first, read at one moment and kept for a moment.

Many open pages share one look: what it reads of the queue does not depend on who asks.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.estimates import CompletionEstimate
from app.domain.imports import Import, ImportStatus
from app.domain.jobs import Job
from app.domain.lifecycle import TABLE, JobState, Move
from app.domain.parts import Part
from app.reporting import needs
from app.reporting.estimates import CompletionEstimates
from app.reporting.headline import Headline, Mood, headline, of_work
from app.reporting.instances import InstanceView
from app.reporting.needs import Need
from app.reporting.verdict import LATELY, NAMED_IMPORTS, Verdict, VerdictReader, lately
from app.store import activity, import_queries, job_queries, overview_queries, part_queries
from app.store.activity import Hour
from app.store.attention import AttentionCriteria
from app.store.database import Database
from app.store.import_queries import Filters
from app.store.overview_queries import PartOfJob

HOURS = 24
HOURS_KEPT_SECONDS = 30  # how long the chart is cached: it may sum up the jobs of a busy day
MOST_SHOWN = 0.99  # of a job that Marketo still works on, whatever the estimate says


@dataclass(frozen=True, slots=True)
class Place:
    """A place in Marketo's queue that one of our jobs holds."""

    job: Job
    parts: Sequence[PartOfJob]  # the first few
    progress: float | None  # of an importing job, from 0 to 1; None where that cannot be known
    finish_at: datetime | None


@dataclass(frozen=True, slots=True)
class InstanceOverview:
    view: InstanceView
    importing: Sequence[Place]  # Marketo works on them
    behind: Sequence[Place]  # they hold a place, and wait for an importer, or for Marketo's answer
    others: int  # places that other programs are thought to hold
    waiting_until: datetime | None  # when all that waits will be done

    @property
    def importers(self) -> int:
        return self.view.settings.max_importing

    @property
    def free_importers(self) -> int:
        return max(0, self.importers - len(self.importing))

    @property
    def free_behind(self) -> int:
        """Places that nobody holds, as far as is known, behind the importers."""
        return max(0, self.view.settings.max_queued - self.importers - len(self.behind) - self.others)


@dataclass(frozen=True, slots=True)
class Overview:
    """What everybody with the scope `read` sees."""

    headline: Headline
    needs: Sequence[Need]
    instances: Sequence[InstanceOverview]
    imports: Mapping[ImportStatus, int]  # unfinished ones, and those that finished in the last 24 hours
    hours: Sequence[Hour]
    importers: int  # of all instances together
    now: datetime


@dataclass(frozen=True, slots=True)
class ClientOverview:
    """What a client sees that may only submit: its own imports, and of the instances whether they run."""

    headline: Headline
    needs: Sequence[Need]
    instances: Sequence[InstanceView]
    imports: Mapping[ImportStatus, int]
    now: datetime


@dataclass(frozen=True, slots=True)
class OverviewReader:
    db: Database
    now: Clock
    verdict: VerdictReader
    estimates: CompletionEstimates
    stuck_seconds: float
    _hours: list[tuple[float, Sequence[Hour]]] = field(default_factory=list)
    """When the chart was last read, by the monotonic clock, and its hours: one entry at most."""

    async def read(self) -> Overview:
        verdict = await self.verdict.read()
        queues = await self.estimates.estimate_queues([view.instance.name for view in verdict.instances])
        async with self.db.read() as tx:
            told = await self._needs(tx, verdict)
            overviews = await _instances(tx, verdict.instances, queues)
            hours = await self._by_hour(tx)
            reviewed = await overview_queries.under_review(tx, None)
        return Overview(
            headline=headline(
                verdict,
                told,
                queued=max(0, verdict.imports.get(ImportStatus.QUEUED, 0) - reviewed),
                importing=verdict.imports.get(ImportStatus.IMPORTING, 0),
                finish_at=_last_finish(overviews),
            ),
            needs=told,
            instances=overviews,
            imports=verdict.imports,
            hours=hours,
            importers=sum(overview.importers for overview in overviews),
            now=self.now(),
        )

    async def read_instance(self, name: str) -> tuple[InstanceOverview, Sequence[Need]] | None:
        """One instance, and what needs a person anywhere: as `read` has both. None where it is not configured."""
        verdict = await self.verdict.read()
        views = [view for view in verdict.instances if view.instance.name == name]
        if not views:
            return None
        queues = await self.estimates.estimate_queues([name])
        async with self.db.read() as tx:
            (overview,) = await _instances(tx, views, queues)
            return overview, await self._needs(tx, verdict)

    async def _needs(self, tx: AsyncConnection, verdict: Verdict) -> list[Need]:
        troubled = [await _troubled(tx, import_) for import_ in verdict.troubled if needs.is_of_its_own(import_)]
        return [
            *needs.of_instances(verdict.instances),
            *(needs.of_import(*pair) for pair in troubled),
            *needs.of_checks(verdict.checks, verdict.instances),
            *map(needs.of_failed, await self._failed(tx, client=None)),
        ]

    async def read_of_client(self, client: str) -> ClientOverview:
        """What this client may see: nothing of anybody else's."""
        views = await self.verdict.instances.read_all()
        async with self.db.read() as tx:
            counts = await overview_queries.imports_of_client(tx, client, since=lately(self.now()))
            troubled = [await _troubled(tx, import_) for import_ in await self._troubled_of(tx, client)]
            failed = await self._failed(tx, client=client)
            queued = await overview_queries.queued_imports(tx, client)
        told = [*(needs.of_import(*pair) for pair in troubled), *map(needs.of_failed, failed)]
        work = of_work(queued, counts[ImportStatus.IMPORTING])
        trouble = "One thing needs you." if len(told) == 1 else f"{len(told)} things need you." if told else None
        return ClientOverview(
            headline=Headline(Mood.NEEDS_YOU if told else Mood.FLOWS, work, trouble=trouble),
            needs=told,
            instances=views,
            imports=counts,
            now=self.now(),
        )

    async def waiting_imports(self, client: str | None) -> int:
        """How many imports wait: of this client, or (None) of everybody. A thousand may be more."""
        async with self.db.read() as tx:
            return await overview_queries.queued_imports(tx, client)

    async def _by_hour(self, tx: AsyncConnection) -> Sequence[Hour]:
        at, (read_at, hours) = self.now.monotonic(), self._hours[0] if self._hours else (-math.inf, [])
        if at - read_at >= HOURS_KEPT_SECONDS:
            hours = await activity.by_hour(tx, now=self.now(), hours=HOURS)
            self._hours[:] = [(at, hours)]
        return hours

    async def _failed(self, tx: AsyncConnection, *, client: str | None) -> list[Import]:
        ids = await overview_queries.failed_and_left(tx, since=self.now() - LATELY, client=client, most=NAMED_IMPORTS)
        return await import_queries.each(tx, ids, by=self._criteria)

    async def _troubled_of(self, tx: AsyncConnection, client: str) -> list[Import]:
        pages = [
            await import_queries.page(
                tx,
                Filters(status=status, attention=True, client=client),
                before=None,
                size=NAMED_IMPORTS,
                by=self._criteria,
            )
            for status in (ImportStatus.QUEUED, ImportStatus.IMPORTING)
        ]
        return [import_ for page in pages for import_ in page]

    @property
    def _criteria(self) -> AttentionCriteria:
        return AttentionCriteria(now=self.now(), stuck_seconds=self.stuck_seconds)


async def _troubled(tx: AsyncConnection, import_: Import) -> tuple[Import, list[Part]]:
    """An import, and those of its parts that a person may decide about."""
    parts = await part_queries.of_import(tx, import_.id)
    return import_, [part for part in parts if part.state in TABLE[Move.GIVE_UP].sources]


async def _instances(
    tx: AsyncConnection, views: Sequence[InstanceView], queues: Mapping[str, CompletionEstimate]
) -> list[InstanceOverview]:
    there = await job_queries.at_marketo(tx, list(queues))
    parts = await overview_queries.parts_of_jobs(tx, [job.id for job in there])
    return [_instance(view, queues.get(view.instance.name), there, parts) for view in views]


def _instance(
    view: InstanceView,
    estimate: CompletionEstimate | None,
    there: Sequence[Job],
    parts: Mapping[int, Sequence[PartOfJob]],
) -> InstanceOverview:
    ours = [job for job in there if job.instance == view.instance.name]
    places: dict[bool, list[Place]] = defaultdict(list)
    for job in ours:
        finish_at = estimate.finish_of_job(job) if estimate else None
        is_importing = job.state is JobState.IMPORTING
        progress = _progress(job, finish_at, view.now) if is_importing else None
        places[is_importing].append(Place(job, parts.get(job.id, ()), progress, finish_at))
    return InstanceOverview(
        view=view,
        importing=places[True],
        behind=places[False],
        others=view.slots_of_others,
        waiting_until=estimate.finish_of_waiting() if estimate else None,
    )


def _progress(job: Job, finish_at: datetime | None, now: datetime) -> float | None:
    """By Marketo's own count where it has given one, else by the time that it should take."""
    if job.counted:
        return min(MOST_SHOWN, job.rows.settled_share)
    if job.started_at is None or finish_at is None:
        return None
    whole = finish_at - job.started_at
    return min(MOST_SHOWN, max(0.0, (now - job.started_at) / whole)) if whole > timedelta() else None


def _last_finish(overviews: Sequence[InstanceOverview]) -> datetime | None:
    """When the last of what waits will be done; None where that is not known of every instance where something does."""
    waiting = [overview for overview in overviews if overview.view.queue.waiting_parts]
    times = [overview.waiting_until for overview in waiting]
    known = [at for at in times if at is not None]
    return max(known) if known and len(known) == len(times) else None
