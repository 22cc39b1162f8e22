"""Submit: send the part that was scheduled to Marketo, with nothing open, and record what Marketo answered.

NEVER_TWICE_BY_ACCIDENT: the part holds its slot by a committed claim. Only an answer, or the verdict that there will
be none, moves it on.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import assert_never

from app.clock import Clock
from app.domain.answers import Accepted, Answer, MarketoStatus, OutcomeUnknown, Refused, RejectionReason, TurnedAway
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.incidents import CREATE, error_of
from app.domain.instances import Instance
from app.domain.jobs import Job
from app.domain.lifecycle import JobState, Move
from app.domain.parts import TryError
from app.domain.timeouts import RetryPolicy
from app.files.compression import zstd
from app.marketo.client import Marketo
from app.marketo.multipart import BrokenFile, DoesNotFit, FormFile
from app.marketo.rate_limit import Sleep
from app.pipeline.schedule import Claim, Schedule
from app.scheduling.back_off import BackOff
from app.scheduling.external_slots import ExternalSlots
from app.scheduling.fenced_writer import FencedWriter
from app.scheduling.job_spans import JobSpans
from app.scheduling.lease import Lease
from app.scheduling.outgoing_file import DAMAGED, load_outgoing
from app.scheduling.recording import record_with_retry
from app.scheduling.separation import refused_likewise, separated
from app.scheduling.settling import Settling
from app.scheduling.turned_away import TurnedAwayPolicy
from app.store import import_queries, imports, incidents, job_queries, jobs, part_rows, parts
from app.store.database import Database
from app.store.jobs import COUNTED
from app.store.parts import Stale
from app.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Submit:
    """Each answer has its move. A submission that Marketo counts as a try is counted here, too."""

    schedule: Schedule
    db: Database
    fenced: FencedWriter
    marketo: Marketo
    back_off: BackOff
    external_slots: ExternalSlots
    turned_away: TurnedAwayPolicy
    settling: Settling
    retry_policy: RetryPolicy
    spans: JobSpans
    now: Clock
    sleep: Sleep
    hit: FailpointHit

    async def run_once(self, lease: Lease) -> bool:
        """Submit one job, or find out more about which may go. False when none may go now. Network: a POST or two."""
        await self.schedule.release_unsent(lease)
        claim, may_find_more = await self.schedule.claim_next(lease)
        if claim is None:
            return may_find_more
        async with self.spans.submitting(lease, claim.job):
            try:
                answer = await self._send(lease, claim)
            except Stale:  # nothing was sent: the claim was taken for lost, and a person decided it
                return True
            self.hit(Failpoint.ANSWERED)
            record = partial(self._record, lease, claim, answer)
            await record_with_retry(record, claim.job, claim.lead, answer, sleep=self.sleep)
        self.hit(Failpoint.SUBMITTED)
        return True

    async def _send(self, lease: Lease, claim: Claim) -> Answer:
        """What Marketo answered; a refusal of our own where what is stored cannot be sent."""

        def may_go_on() -> bool:
            """Not once another worker, or recovery, may call the claim lost."""
            self.hit(Failpoint.SENDING)
            return lease.holds(now := self.now.monotonic()) and now < claim.until

        with self.schedule.noting_unsent(claim.lead):
            async with self.db.read() as tx:
                request = (await import_queries.summary_of_job(tx, claim.job.id)).request
            file = await load_outgoing(self.db, claim.job, request)
        if not isinstance(file, FormFile):
            return file
        try:
            return await self.marketo.submit(request.target, file, may_go_on=may_go_on)
        except (BrokenFile, zstd.ZstdError):  # stored without a checksum; Marketo never got a whole request
            return DAMAGED
        except DoesNotFit as larger:
            return Refused(None, f"What is stored of the part cannot be sent: {larger}", whole_import=False)

    async def _record(self, lease: Lease, claim: Claim, answer: Answer) -> None:
        at, job = self.now(), claim.job
        async with self.fenced.write(lease) as (tx, instance):
            match answer:
                case Accepted():
                    await self._accept(tx, instance, job, answer, at)
                case TurnedAway():
                    values, facts, beside = await self.turned_away.apply(tx, instance, job, answer, at)
                    await jobs.move(tx, job.id, Move.TURN_AWAY, at=at, values=values, beside=beside, **facts)
                case Refused():
                    await self._refuse(tx, instance, claim, answer, at)
                case OutcomeUnknown():
                    await self._lose(tx, instance, job, answer, at)
                case _:
                    assert_never(answer)

    async def _accept(self, tx: Transaction, instance: Instance, job: Job, answer: Accepted, at: datetime) -> None:
        values = COUNTED | {"batch_id": answer.batch_id, "submitted_at": at, "message": answer.message}
        values |= {"retry_code": None, "failing_since": None, "due_at": self.retry_policy.next_poll(at)}
        await self.back_off.clear(tx, instance, submitted=True)
        await self.external_slots.observe_accepted(tx, instance, at)
        await jobs.move(tx, job.id, Move.ACCEPT, at=at, values=values, batch_id=answer.batch_id)
        if answer.status is MarketoStatus.FAILED:
            why = answer.message or "Marketo took the job and called it failed at once."
            error = {"error_code": "marketo_failed", "error_message": why}
            if job.parts > 1:
                await jobs.move(tx, job.id, Move.SEPARATE, at=at, values=separated(job), of_job=error)
            else:
                await jobs.move(tx, job.id, Move.FAIL, at=at, values=error)

    async def _refuse(self, tx: Transaction, instance: Instance, claim: Claim, answer: Refused, at: datetime) -> None:
        job = claim.job
        if answer.code:  # Marketo takes our calls, though not this one
            await self.back_off.clear(tx, instance, submitted=False)
        error = {"error_code": answer.error, "error_message": answer.message, "error_marketo_code": answer.code}
        code, counted = (answer.error, {}) if answer.error == DAMAGED.error else (answer.code, COUNTED)
        if job.parts > 1:
            await jobs.move(tx, job.id, Move.SEPARATE, at=at, values=separated(job) | counted, of_job=error, code=code)
            return
        await imports.lock_each(tx, {claim.lead.import_id, *await refused_likewise(tx, claim.lead, answer)})
        await jobs.move(tx, job.id, Move.REFUSE, at=at, values=counted | error, code=code)
        for part_ids in (await refused_likewise(tx, claim.lead, answer)).values():  # now nobody else moves them
            await parts.move_all(tx, part_ids, Move.ABANDON, at=at, values=error, code=answer.code)

    async def _lose(self, tx: Transaction, instance: Instance, job: Job, lost: OutcomeUnknown, at: datetime) -> None:
        error = error_of(lost, call=CREATE, at=at)
        values = COUNTED | {"due_at": await self.settling.until(tx, job, at)}
        values |= part_rows.tried(TryError(error.code, error.message, at), failing_since=None)
        await jobs.move(tx, job.id, Move.LOSE, at=at, values=values, beside={"error": lost.why}, why=lost.why)
        attempts = len(await job_queries.in_states(tx, instance.name, {JobState.UNCONFIRMED})) - 1
        await self.back_off.begin(tx, instance.name, RejectionReason.UNAVAILABLE, error, attempts=attempts)
        await incidents.note_error(tx, instance.name, error)
