"""An instance's jobs at one moment: what Marketo has of ours, and what it had."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.errors import NotFound
from app.domain.jobs import Job
from app.domain.lifecycle import JobState
from app.reporting.estimates import CompletionEstimates
from app.store import instances, job_queries
from app.store.database import Database


@dataclass(frozen=True, slots=True)
class JobView:
    """A job, and when Marketo will be done with it."""

    job: Job
    estimated_finish_at: datetime | None  # None: it has ended, or nobody can know

    @property
    def submitted_at(self) -> datetime | None:
        """When Marketo accepted it; None where nobody can know that it did."""
        return self.job.submitted_at if self.job.batch_id else None


@dataclass(frozen=True, slots=True)
class JobReader:
    """Reads the jobs of an instance for whoever shows them."""

    db: Database
    estimates: CompletionEstimates

    async def page(
        self, instance_name: str, *, state: JobState | None, before: int | None, size: int
    ) -> Sequence[JobView]:
        """Jobs in this state (None: in any), newest first, from before the id `before` on. Errors: NotFound."""
        async with self.db.read() as tx:
            if await instances.get(tx, instance_name) is None:
                raise NotFound(f"There is no instance {instance_name!r}.")
            jobs = await job_queries.page(tx, instance_name, state=state, before=before, size=size)
        finish_times = await self.estimates.estimate_jobs(instance_name, jobs)
        return [JobView(job, finish_times.get(job.id)) for job in jobs]
