"""Schedule: choose the next waiting part that may go, and claim one of the instance's slots for its job.

SLOTS_NOT_OVERSOLD: the instance's row is locked, then the slots are counted. NEVER_TWICE_BY_ACCIDENT: the claim is
committed before anything is sent.
"""

from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.instances import Instance, at_work
from app.domain.jobs import Job
from app.domain.lifecycle import JobState, Move
from app.domain.parts import Part
from app.domain.timeouts import RetryPolicy
from app.scheduling.bundler import Bundler
from app.scheduling.candidates import Candidate, Candidates
from app.scheduling.conflict_checker import ConflictChecker
from app.scheduling.fenced_writer import FencedWriter
from app.scheduling.lease import Lease
from app.scheduling.queue_model import QueueModel
from app.store import instances, job_queries, jobs, parts, waiting_queue
from app.store.database import AWAY, Database
from app.store.parts import Stale


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that holds a slot, and whose body may be sent now."""

    job: Job
    lead: Part  # the part whose turn it was
    until: float  # by the monotonic clock: later, recovery may call the claim lost, so nothing more may be sent


@dataclass(frozen=True, slots=True)
class Schedule:
    db: Database
    fenced: FencedWriter
    candidates: Candidates
    conflict_checker: ConflictChecker
    bundler: Bundler
    queue_model: QueueModel
    retry_policy: RetryPolicy
    max_queued: int  # of Marketo's queue, how many places may be taken
    now: Clock
    hit: FailpointHit
    _unsent: set[int] = field(default_factory=set)  # parts that lead a job which may be claimed, and was not sent

    async def claim_next(self, lease: Lease) -> tuple[Claim | None, bool]:
        """(the job that is to be sent now, whether another look would tell more where there is none)."""
        candidate, may_find_more = await self._choose(lease)
        if candidate is None:
            return None, may_find_more
        begun = self.now.monotonic()
        with self.noting_unsent(candidate.part):
            job = await self._claim(lease, await self.bundler.bundle(candidate.part))
            if job is None:
                return None, may_find_more
            self.hit(Failpoint.CLAIMED)
            await self._count(candidate, job)
        return Claim(job, candidate.part, until=begun + self.retry_policy.claim_seconds), may_find_more

    async def _count(self, candidate: Candidate, job: Job) -> None:
        """Add the rows that go to the shares of their clients; it was the leader's turn."""
        async with self.db.read() as tx:
            for part in await job_queries.parts_of(tx, job.id):
                self.conflict_checker.forget(part)
                if part.id != candidate.part.id:
                    self.candidates.count_rider(part)
        self.candidates.count(candidate)

    @contextmanager
    def noting_unsent(self, leader: Part) -> Iterator[None]:
        """Where the database goes away in here, a job that the part leads may be claimed, and is not sent."""
        try:
            yield
        except AWAY:
            self._unsent.add(leader.id)
            raise

    async def release_unsent(self, lease: Lease) -> None:
        """A claim that the database took while its word was lost, or behind which it went away: nothing was sent."""
        if not self._unsent:
            return
        async with self.db.read() as tx:
            job_ids = await job_queries.submitting_with(tx, self._unsent)
        for job_id in job_ids:
            with suppress(Stale):
                async with self.fenced.write(lease) as (tx, _):
                    why = "the database went away behind the claim, and nothing was sent"
                    values = {"due_at": None, "retry_code": None}
                    await jobs.move(tx, job_id, Move.TURN_AWAY, at=self.now(), values=values, why=why)
        self._unsent.clear()

    async def _choose(self, lease: Lease) -> tuple[Candidate | None, bool]:
        """(the first waiting part that may go now, whether another look would tell more)."""
        at = self.now()
        async with self.db.read() as tx:
            instance = await instances.get(tx, lease.instance)
            if instance is None or not lease.holds(self.now.monotonic()):
                return None, False
            if not await self._has_room(tx, instance, at):
                return None, False
            is_any_due = await waiting_queue.any_due(tx, lease.instance, now=at)
            is_alone = instance.external_alone and not at_work(await job_queries.states_at_marketo(tx, lease.instance))
        if is_any_due:
            async with self.fenced.write(lease) as (tx, _):
                await parts.make_due(tx, lease.instance, now=at)
            self.hit(Failpoint.MADE_DUE)
        has_looked = False
        async with aclosing(self.candidates.in_order(lease.instance, smallest_first=is_alone)) as candidates:
            async for candidate in candidates:
                has_looked = True
                match await self.conflict_checker.check(lease, candidate.part, now=at):
                    case True:
                        return candidate, False
                    case None:
                        return None, True
        return None, has_looked

    async def _has_room(self, tx: AsyncConnection, instance: Instance, at: datetime) -> bool:
        """Whether Marketo has a place for us, and has too little from us to be at work until we look again."""
        states = await job_queries.states_at_marketo(tx, instance.name)
        external = instance.slots_of_others(at, at_work=at_work(states))
        if states.total() + external >= self.max_queued or not instance.may_submit(at):
            return False
        there = await job_queries.in_states(tx, instance.name, {JobState.QUEUED, JobState.IMPORTING})
        return not self.queue_model.has_enough(there, at)

    async def _claim(self, lease: Lease, part_ids: Sequence[int]) -> Job | None:
        """None where there is no room any more, or the leading part does not wait any more."""
        at = self.now()
        try:
            async with self.fenced.write(lease) as (tx, instance):
                if not await self._has_room(tx, instance, at):
                    return None
                used = await job_queries.slots_in_use(tx, lease.instance)
                slot = min(set(range(1, self.max_queued + 1)) - used)
                if instance.idle_since:
                    await instances.note_idle(tx, lease.instance, since=None)
                deadline = self.retry_policy.claim_deadline(at)
                return await jobs.claim(tx, part_ids, slot=slot, due_at=deadline, at=at)
        except Stale:
            return None
