"""One instance in full, for whoever wants to know why something there does not move: its queue, jobs and history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.errors import NotFound
from app.domain.imports import OnUnconfirmed
from app.domain.instances import Instance, WaitingFor, next_attempt_at, waiting_for
from app.domain.jobs import Job
from app.domain.lifecycle import JOB_ENDED, JobState
from app.domain.parts import Part
from app.domain.timeouts import DENIALS
from app.reporting.estimates import CompletionEstimates
from app.reporting.jobs import JobReader, JobView
from app.reporting.needs import Need
from app.reporting.overview import InstanceOverview, OverviewReader
from app.store import events, instances, job_queries, overview_queries, part_queries, queue_pages
from app.store.database import Database
from app.store.events import Event
from app.store.overview_queries import PartOfJob
from app.store.part_queries import BlockedBy
from app.store.queue_pages import WaitingPart

UNDER_WAY = [state for state in JobState if state not in JOB_ENDED]
MOST_UNDER_WAY = 50  # jobs: ten at Marketo, and those whose results are being fetched


@dataclass(frozen=True, slots=True)
class QueuedPart:
    """A part that waits, and why."""

    waiting: WaitingPart
    waiting_for: WaitingFor
    next_attempt_at: datetime | None
    blocker: BlockedBy | None  # the part that has the same records and goes first

    @property
    def part(self) -> Part:
        return self.waiting.part

    @property
    def place(self) -> tuple[int, int]:
        """In the order of acceptance."""
        assert self.part.accepted_seq is not None, "it stands in line"
        return self.part.accepted_seq, self.part.number


class JobTrouble(StrEnum):
    """Why a job does not come to its end by itself."""

    UNCONFIRMED = "unconfirmed"  # Marketo's answer to its submission was lost
    DENIED = "denied"  # Marketo says that it knows no such job
    STUCK = "stuck"  # it has been in its state for far longer than usual


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job, when it will be done, what keeps it from that, and the first few of the parts that are in it."""

    view: JobView
    parts: Sequence[PartOfJob]
    trouble: JobTrouble | None = None

    @property
    def job(self) -> Job:
        return self.view.job


@dataclass(frozen=True, slots=True)
class InstanceDetail:
    """An instance at one moment, as the overview has it, and what of it needs a person."""

    overview: InstanceOverview
    needs: Sequence[Need]


@dataclass(frozen=True, slots=True)
class InstanceDetailReader:
    """Each method raises NotFound for an instance that is not known here."""

    db: Database
    now: Clock
    overview: OverviewReader
    jobs: JobReader
    estimates: CompletionEstimates

    async def read(self, name: str) -> InstanceDetail:
        """As the overview says it. Errors: NotFound."""
        found = await self.overview.read_instance(name)
        if found is None:
            raise _unknown(name)
        overview, needs = found
        return InstanceDetail(overview, [need for need in needs if _is_about(need, name)])

    async def queue(self, name: str, *, after: tuple[int, int] | None, size: int) -> list[QueuedPart]:
        """What waits, in the order of acceptance, from behind the place `after` on."""
        async with self.db.read() as tx:
            instance = await _known(tx, name)
            listed = await queue_pages.waiting(tx, name, after=after, size=size)
            blockers = await part_queries.blockers(tx, [each.part for each in listed])
        now = self.now()
        return [_queued(each, instance, blockers.get(each.part.blocked_by or 0), now) for each in listed]

    async def jobs_under_way(self, name: str) -> list[ListedJob]:
        """What Marketo has, or may have, and what it is done with while results are being fetched: the first first."""
        async with self.db.read() as tx:
            await _known(tx, name)
            jobs = await job_queries.in_states(tx, name, UNDER_WAY, limit=MOST_UNDER_WAY)
            parts = await overview_queries.parts_of_jobs(tx, [job.id for job in jobs])
        ends = await self.estimates.estimate_jobs(name, jobs)
        return [ListedJob(JobView(job, ends.get(job.id)), parts.get(job.id, ()), self._trouble(job)) for job in jobs]

    async def jobs_page(self, name: str, *, state: JobState | None, before: int | None, size: int) -> list[ListedJob]:
        """Jobs in this state (None: in any), newest first."""
        views = await self.jobs.page(name, state=state, before=before, size=size)
        async with self.db.read() as tx:
            parts = await overview_queries.parts_of_jobs(tx, [view.job.id for view in views])
        return [ListedJob(view, parts.get(view.job.id, ())) for view in views]

    async def job(self, name: str, job_id: int) -> ListedJob:
        """One job of the instance."""
        async with self.db.read() as tx:
            job = await job_queries.find(tx, job_id)
            if job is None or job.instance != name:
                raise NotFound(f"There is no job {job_id} of {name}.")
            parts = await overview_queries.parts_of_jobs(tx, [job.id])
        return ListedJob(JobView(job, None), parts.get(job.id, ()), self._trouble(job))

    def _trouble(self, job: Job) -> JobTrouble | None:
        if job.state is JobState.UNCONFIRMED:
            return JobTrouble.UNCONFIRMED
        if job.state in JOB_ENDED:
            return None
        if job.denials >= DENIALS:
            return JobTrouble.DENIED
        is_stuck = self.now() - job.state_since >= timedelta(seconds=self.overview.stuck_seconds)
        return JobTrouble.STUCK if is_stuck else None

    async def history(self, name: str, *, before: int | None, size: int) -> list[Event]:
        """What befell the instance itself, and who did what to it, newest first."""
        async with self.db.read() as tx:
            await _known(tx, name)
            return await events.newest_of_instance(tx, name, before=before, size=size)


async def _known(tx: AsyncConnection, name: str) -> Instance:
    instance = await instances.get(tx, name)
    if instance is None:
        raise _unknown(name)
    return instance


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no instance {name!r}.")


def _is_about(need: Need, name: str) -> bool:
    if need.import_:
        return need.import_.request.instance == name
    if need.instance:
        return need.instance.instance.name == name
    return need.check is not None and need.check.name.partition(":")[2] == name


def _queued(waiting: WaitingPart, instance: Instance, blocker: BlockedBy | None, now: datetime) -> QueuedPart:
    part = waiting.part
    reason = waiting_for(part, instance, now)
    assert reason is not None, "it waits"
    next_at = next_attempt_at(part, instance, now, policy=OnUnconfirmed.RESUBMIT)
    return QueuedPart(waiting, reason, next_at, blocker if reason is WaitingFor.SAME_RECORDS else None)
