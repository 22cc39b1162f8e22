"""Settling: how long a job that may or may not exist is given before its rows may be sent again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.jobs import Job
from app.domain.lifecycle import JobState
from app.domain.timeouts import RetryPolicy
from app.scheduling.queue_model import QueueModel
from app.store import job_queries


@dataclass(frozen=True, slots=True)
class Settling:
    retry_policy: RetryPolicy
    queue_model: QueueModel

    async def until(self, tx: AsyncConnection, job: Job, at: datetime) -> datetime:
        """When a job whose answer was lost has had its time, if Marketo has it.

        It is more than the settling time where it would have had to queue for long.
        """
        there = await job_queries.in_states(tx, job.instance, {JobState.QUEUED, JobState.IMPORTING})
        return self.retry_policy.settled(at, self.queue_model.queue_seconds(there, job.rows.total, at))
