"""Settling: how long a job that may or may not exist is given before its part may be sent again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.lifecycle import State
from app.domain.parts import Part
from app.domain.timeouts import RetryPolicy
from app.scheduling.queue_model import QueueModel
from app.store import part_queries


@dataclass(frozen=True, slots=True)
class Settling:
    retry_policy: RetryPolicy
    queue_model: QueueModel

    async def until(self, tx: AsyncConnection, part: Part, at: datetime) -> datetime:
        """When a possible job of a part whose answer was lost has had its time.

        It is more than the settling time where the job would have had to queue for long.
        """
        there = await part_queries.in_states(tx, part.instance, {State.QUEUED, State.IMPORTING})
        return self.retry_policy.settled(at, self.queue_model.queue_seconds(there, part.rows.total, at))
