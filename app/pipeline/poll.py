"""Poll: ask Marketo for the status of the oldest jobs in its queue.

POLL_IS_NOT_FATE: no error of a status call changes a job.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.clock import Clock
from app.domain.answers import MarketoStatus, QueryFailed, Report
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.incidents import error_of
from app.domain.jobs import Job
from app.domain.lifecycle import JobState, Move
from app.domain.timeouts import FORGOTTEN_SECONDS, RetryPolicy
from app.marketo.client import Marketo
from app.notify.wakeup import Wakeup
from app.scheduling.back_off import BackOff
from app.scheduling.fenced_writer import FencedWriter
from app.scheduling.job_report import columns_of, observation_of
from app.scheduling.job_spans import JobSpans
from app.scheduling.lease import Lease
from app.scheduling.queue_model import Observation, QueueModel
from app.scheduling.separation import separated
from app.scheduling.unanswered import note_unanswered
from app.store import import_queries, incidents, instances, job_queries, jobs
from app.store.database import Database
from app.store.parts import Stale

FORGOTTEN = timedelta(seconds=FORGOTTEN_SECONDS)


@dataclass(frozen=True, slots=True)
class Poll:
    """Marketo's queue is first in, first out: only as many of its oldest jobs as it imports at once can have news."""

    db: Database
    fenced: FencedWriter
    marketo: Marketo
    queue_model: QueueModel
    back_off: BackOff
    retry_policy: RetryPolicy
    wakeup: Wakeup
    spans: JobSpans
    now: Clock
    hit: FailpointHit

    async def run_once(self, lease: Lease) -> bool:
        """Poll the jobs whose polls are due, the oldest first. True when one of them moved. Network: one GET each."""
        has_moved = is_onward = False
        while True:
            at, jump_id = self.now(), self.now.jump_id
            async with self.db.read() as tx:
                instance = await instances.get(tx, lease.instance)
                there = await job_queries.in_states(tx, lease.instance, {JobState.QUEUED, JobState.IMPORTING})
            answering = [job for job in there if job.silent_since is None]
            index = self.queue_model.next_poll(answering, at, onward=is_onward).job
            silent = [job for job in there if job.silent_since and job.due_at and job.due_at <= at]
            may_ask = instance is not None and instance.may_ask(at) and lease.holds(self.now.monotonic())
            if (index is None and not silent) or not may_ask:
                break
            job = answering[index] if index is not None else silent[0]
            is_onward = await self._ask(lease, answering, job, jump_id) and job.silent_since is None
            has_moved = is_onward or has_moved
        if has_moved:
            self.wakeup.send()  # there may be room at Marketo for another one
        return has_moved

    async def _ask(self, lease: Lease, there: Sequence[Job], job: Job, jump_id: int) -> bool:
        """Poll one job. True when it moved. `jump_id`: the last clock jump when it was read. Errors: ClockJumped."""
        async with self.spans.open("poll job", job):
            return await self._poll(lease, there, job, jump_id)

    async def _poll(self, lease: Lease, there: Sequence[Job], job: Job, jump_id: int) -> bool:
        assert job.batch_id is not None, "a job in Marketo's queue has a batch id"
        try:
            async with self.db.read() as tx:
                target = (await import_queries.summary_of_job(tx, job.id)).request.target
            answer = await self.marketo.status(target, job.batch_id)
            self.hit(Failpoint.ASKED)
            match answer:
                case Report():
                    has_moved = await self._record(lease, there, job, answer, jump_id)
                case QueryFailed():
                    has_moved = await self._ask_again(lease, there, job, answer, jump_id)
        except Stale:
            self.queue_model.forget(job)
            return False
        self.hit(Failpoint.MOVED)
        return has_moved

    async def _record(self, lease: Lease, there: Sequence[Job], job: Job, report: Report, jump_id: int) -> bool:
        at = self.now()
        self.now.expect(jump_id)
        columns = columns_of(job, report) | {"due_at": self.retry_policy.next_poll(at)}
        if report.status not in {MarketoStatus.COMPLETE, MarketoStatus.FAILED}:
            self.queue_model.observe(there, job, observation_of(job, report, at))
        async with self.fenced.write(lease) as (tx, instance):
            await self.back_off.clear(tx, instance, submitted=False)
            match report.status:
                case MarketoStatus.IMPORTING if job.state is JobState.QUEUED:
                    columns["started_at"] = self.queue_model.began_at(there, job, at)
                    await jobs.move(tx, job.id, Move.START, at=at, values=columns, batch_id=job.batch_id)
                case MarketoStatus.COMPLETE:
                    began_at = self.queue_model.done_since(there, job, at)
                    columns |= {"due_at": None, "started_at": job.started_at or began_at}
                    await jobs.move(tx, job.id, Move.FINISH, at=at, values=columns, batch_id=job.batch_id)
                case MarketoStatus.FAILED:
                    self.queue_model.done_since(there, job, at)
                    why = report.message or "Marketo ended the job as failed and did not say why."
                    error = {"error_code": "marketo_failed", "error_message": why}
                    if job.parts > 1:
                        of_job = columns | error
                        await jobs.move(tx, job.id, Move.SEPARATE, at=at, values=separated(job), of_job=of_job)
                    else:
                        columns |= error
                        await jobs.move(tx, job.id, Move.FAIL, at=at, values=columns, batch_id=job.batch_id)
                case _:
                    await jobs.note(tx, job.id, **columns)
                    return False
            await instances.note_moved(tx, instance.name, at=at)
            if report.status is MarketoStatus.COMPLETE and instance.may_doubt_slots(at):
                await instances.doubt_external_slots(tx, instance.name, at=at)
        return report.status is not MarketoStatus.IMPORTING

    async def _ask_again(self, lease: Lease, there: Sequence[Job], job: Job, failed: QueryFailed, jump_id: int) -> bool:
        """True when Marketo has denied knowing the job for so long that it is no longer there."""
        at = self.now()
        self.now.expect(jump_id)
        self.queue_model.observe(there, job, Observation(at, None, begun=None))
        since = (job.silent_since or at) if failed.unknown_job else job.silent_since
        is_forgotten = since is not None and failed.unknown_job and at - since >= FORGOTTEN
        error = error_of(failed, call="status", at=at)
        async with self.fenced.write(lease) as (tx, instance):
            await incidents.note_error(tx, lease.instance, error)
            if failed.rejection_reason:
                await self.back_off.begin(tx, lease.instance, failed.rejection_reason, error)
            elif failed.unknown_job:
                await self.back_off.clear(tx, instance, submitted=False)
            if is_forgotten:
                columns: dict[str, Any] = {"due_at": self.retry_policy.settled(at), "silent_since": None}
                columns |= {"denials": 0, "failing_since": None}
                await jobs.move(tx, job.id, Move.FORGET, at=at, values=columns, code=failed.code)
            else:
                again = self.retry_policy.next_poll(at)
                await note_unanswered(tx, job, failed, error, silent_since=since, due_at=again)
        return is_forgotten
