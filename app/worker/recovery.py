"""Recovery: what crashes and time leave behind. Every part of it may run at any moment, any number of times."""

from contextlib import suppress
from dataclasses import dataclass

from app.clock import Clock
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.imports import OnUnconfirmed
from app.domain.incidents import LOST
from app.domain.jobs import Job
from app.domain.lifecycle import SLOW_JOBS, JobState, Move
from app.domain.parts import TryError
from app.scheduling.fenced_writer import FencedWriter
from app.scheduling.lease import Lease
from app.scheduling.settling import Settling
from app.store import attention, import_queries, job_queries, jobs, part_rows, parts
from app.store.attention import AttentionCriteria
from app.store.database import Database
from app.store.jobs import COUNTED
from app.store.parts import Stale


@dataclass(frozen=True, slots=True)
class Recovery:
    db: Database
    fenced: FencedWriter
    settling: Settling
    stuck_seconds: float  # so long in one state, and a job is called stuck
    now: Clock
    hit: FailpointHit

    async def take_over(self, lease: Lease) -> int:
        """Call every claim of the last worker lost, as nobody will record its answer. A new worker does this first.

        Returns how many they were.
        """
        self.hit(Failpoint.TAKEN_OVER)
        async with self.db.read() as tx:
            orphans = await job_queries.in_states(tx, lease.instance, {JobState.SUBMITTING})
        return sum([await self._lose(lease, job, "the worker that submitted it is gone") for job in orphans])

    async def run_once(self, lease: Lease) -> bool:
        """Call claims lost that are past their deadline, and send again what is unconfirmed and has settled."""
        at, jump_id = self.now(), self.now.jump_id
        async with self.db.read() as tx:
            late = await job_queries.in_states(tx, lease.instance, {JobState.SUBMITTING}, due=at)
            settled = await job_queries.in_states(tx, lease.instance, {JobState.UNCONFIRMED}, due=at)
        self.now.expect(jump_id)
        async with self.fenced.write(lease) as (tx, _):
            await parts.unblock_from_ended(tx, lease.instance)
        self.hit(Failpoint.SET_FREE)
        moved = [await self._lose(lease, job, "its submission was not recorded in time") for job in late]
        moved += [await self._resubmit(lease, job) for job in settled]
        await self._tell_of_the_stuck(lease)
        return any(moved)

    async def _tell_of_the_stuck(self, lease: Lease) -> None:
        """Write one event for each part of a job that is stuck (NO_SILENCE); readers see it by the time alone."""
        at = self.now()
        criteria = AttentionCriteria(at, self.stuck_seconds)
        async with self.db.read() as tx:
            stuck = await job_queries.stuck_untold(tx, lease.instance, since=criteria.stuck_since)
            others_move = bool(stuck) and await attention.moves(tx, lease.instance, criteria)
        for job in stuck:
            if job.state in SLOW_JOBS or not others_move:
                with suppress(Stale):
                    async with self.fenced.write(lease) as (tx, _):
                        await jobs.tell_stuck(tx, job, at=at)

    async def _lose(self, lease: Lease, job: Job, why: str) -> bool:
        """Call one claim lost: nobody can know whether Marketo has the job. False where it has moved meanwhile."""
        at = self.now()
        has_moved = False
        async with self.db.read() as tx:
            due_at = await self.settling.until(tx, job, at)
        values = COUNTED | {"due_at": due_at} | part_rows.tried(TryError(LOST, why, at), failing_since=None)
        with suppress(Stale):
            async with self.fenced.write(lease) as (tx, _):
                await jobs.move(tx, job.id, Move.LOSE, at=self.now(), values=values, beside={"error": why}, why=why)
            has_moved = True
        self.hit(Failpoint.JUDGED_LOST)
        return has_moved

    async def _resubmit(self, lease: Lease, job: Job) -> bool:
        """Let the parts of an unconfirmed job wait to be sent again, where their imports have that policy."""
        has_moved = False
        async with self.db.read() as tx:
            policy = (await import_queries.summary_of_job(tx, job.id)).request.on_unconfirmed
        if policy is OnUnconfirmed.HOLD:
            return False
        with suppress(Stale):
            async with self.fenced.write(lease) as (tx, _):
                await jobs.move(tx, job.id, Move.RESUBMIT, at=self.now(), values={"due_at": None}, by="policy")
            has_moved = True
        self.hit(Failpoint.SENT_BACK)
        return has_moved
