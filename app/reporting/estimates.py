"""Estimates of when imports will be done. A page of imports takes a few queries; the costly one is cached briefly."""

import asyncio
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.clock import Clock
from app.domain.estimates import BacklogSlice, CompletionEstimate
from app.domain.imports import FINISHED, Import
from app.domain.instances import Instance
from app.domain.jobs import Job
from app.domain.lifecycle import JOB_ENDED, PartState
from app.domain.timeouts import FORECAST_LATE_SECONDS, INSTANCE_KNOWN_SECONDS, MISSED_LEASES, OUTLOOK_KEPT_SECONDS
from app.reporting.costly import Costly
from app.settings import InstanceSettings
from app.store import instances, job_queries, part_queries, waiting_queue
from app.store.database import Database


@dataclass(frozen=True, slots=True)
class CompletionEstimates:
    """Estimates when imports will be done, from what Marketo has and from what waits."""

    db: Database
    now: Clock
    instances: Mapping[str, InstanceSettings]
    lease_seconds: float
    _backlogs: Costly[list[BacklogSlice]]  # by instance
    _outlooks: dict[str, tuple[float, CompletionEstimate | None]] = field(default_factory=dict)
    """By instance: when its outlook was read, by the monotonic clock, and the outlook."""
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def of(
        cls, db: Database, now: Clock, instances: Mapping[str, InstanceSettings], lease_seconds: float
    ) -> "CompletionEstimates":
        return cls(db, now, instances, lease_seconds, Costly(db, now, _parts, OUTLOOK_KEPT_SECONDS))

    async def estimate(self, imports: Iterable[Import]) -> Mapping[int, datetime]:
        """When each of these imports will be done, by its id.

        An import is missing where it is done already, and where its end cannot be known.
        """
        unfinished = [import_ for import_ in imports if import_.status not in FINISHED]
        if not unfinished:
            return {}
        waiting = {import_.request.instance for import_ in unfinished if import_.parts[PartState.WAITING]}
        estimates = await self._by_instance(
            {import_.request.instance for import_ in unfinished},
            [import_.id for import_ in unfinished],
            waiting=waiting,
        )
        finish_times = {
            import_.id: estimates[import_.request.instance].finish_of(import_)
            for import_ in unfinished
            if import_.request.instance in estimates
        }
        return {import_id: at for import_id, at in finish_times.items() if at}

    async def outlook(self, instance_name: str) -> CompletionEstimate | None:
        """The estimate of all that waits in an instance, as it was within the last second.

        None where the instance is not configured here.
        """
        async with self._looking:
            at, (read_at, kept) = self.now.monotonic(), self._outlooks.get(instance_name, (-math.inf, None))
            if at - read_at >= INSTANCE_KNOWN_SECONDS:
                kept = (await self._by_instance({instance_name}, [], waiting={instance_name})).get(instance_name)
                self._outlooks[instance_name] = at, kept
        return kept and replace(kept, now=self.now())

    async def estimate_jobs(self, instance_name: str, jobs: Sequence[Job]) -> Mapping[int, datetime]:
        """When Marketo will be done with each of these jobs of an instance, by its id.

        A job is missing where it has ended, and where its end cannot be known.
        """
        under_way = [job for job in jobs if job.state not in JOB_ENDED]
        if not under_way:
            return {}
        estimates = await self._by_instance({instance_name}, [], waiting=set())
        if instance_name not in estimates:
            return {}
        finish_times = {job.id: estimates[instance_name].finish_of_job(job) for job in under_way}
        return {job_id: at for job_id, at in finish_times.items() if at}

    async def estimate_queues(self, names: Collection[str]) -> Mapping[str, CompletionEstimate]:
        """By each of these instances that is configured: the estimate of its jobs at Marketo, and of all that waits."""
        return await self._by_instance(set(names), [], waiting=set(names))

    async def _by_instance(
        self, names: set[str], import_ids: Sequence[int], *, waiting: set[str]
    ) -> dict[str, CompletionEstimate]:
        """An estimate for each of these instances that is configured here. `waiting`: those in which parts wait."""
        now = self.now()
        async with self.db.read() as tx:
            configured = [row for row in await instances.everyone(tx) if row.name in names & self.instances.keys()]
            at_marketo = await job_queries.at_marketo(tx, names)
            jobs_of = await job_queries.of_imports(tx, import_ids)
        estimates = {}
        for instance in configured:
            has_waiting = instance.name in waiting
            estimate = CompletionEstimate(
                now=now,
                instance=instance,
                driven=self._is_driven(instance, now),
                importers=self.instances[instance.name].max_importing,
                there=[job for job in at_marketo if job.instance == instance.name],
                jobs_of=jobs_of,
                line=await self._backlog(instance.name, now) if has_waiting else [],
            )
            if has_waiting:
                estimate = replace(estimate, held_up=await self._held_up(estimate))
            estimates[instance.name] = estimate
        return estimates

    async def _held_up(self, estimate: CompletionEstimate) -> frozenset[int]:
        """The imports that wait for a part without an end in sight: at Marketo, or turned away again and again."""
        name, long_ago = estimate.instance.name, estimate.now - timedelta(seconds=FORECAST_LATE_SECONDS)
        async with self.db.read() as tx:
            endless = {
                *await job_queries.part_ids_of(tx, estimate.endless),
                *await part_queries.failing_since(tx, name, before=long_ago),
            }
            return await part_queries.imports_behind(tx, name, endless) if endless else frozenset()

    def _is_driven(self, instance: Instance, now: datetime) -> bool:
        """Whether a worker has lately shown that it drives this instance."""
        oldest = now - timedelta(seconds=MISSED_LEASES * self.lease_seconds)
        return instance.heartbeat_at is not None and instance.heartbeat_at >= oldest

    async def _backlog(self, name: str, now: datetime) -> list[BacklogSlice]:
        return await self._backlogs.get(None, name, lambda tx: waiting_queue.backlog_slices(tx, name, now=now))


def _parts(backlog: Sequence[BacklogSlice]) -> int:
    return int(sum(each.work.parts for each in backlog))
