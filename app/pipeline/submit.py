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
from app.domain.lifecycle import Move, State
from app.domain.parts import Part, TryError
from app.domain.timeouts import RetryPolicy
from app.files.compression import zstd
from app.marketo.client import Marketo
from app.marketo.multipart import BrokenFile, DoesNotFit, FormFile
from app.marketo.rate_limit import Sleep
from app.pipeline.schedule import Claim, Schedule
from app.scheduling.back_off import BackOff
from app.scheduling.external_slots import ExternalSlots
from app.scheduling.fenced_writer import FencedWriter
from app.scheduling.lease import Lease
from app.scheduling.outgoing_file import DAMAGED, load_outgoing
from app.scheduling.recording import record_with_retry
from app.scheduling.settling import Settling
from app.scheduling.turned_away import TurnedAwayPolicy
from app.store import import_queries, incidents, part_queries, part_rows, parts
from app.store.database import Database
from app.store.part_rows import COUNTED
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
    now: Clock
    sleep: Sleep
    hit: FailpointHit

    async def run_once(self, lease: Lease) -> bool:
        """Submit one part, or find out more about which may go. False when none may go now.

        Network: one POST; two where the token died.
        """
        await self.schedule.release_unsent(lease)
        claim, may_find_more = await self.schedule.claim_next(lease)
        if claim is None:
            return may_find_more
        answer = await self._send(lease, claim)
        self.hit(Failpoint.ANSWERED)
        record = partial(self._record, lease, claim.part, answer)
        await record_with_retry(record, claim.part, answer, sleep=self.sleep)
        self.hit(Failpoint.SUBMITTED)
        return True

    async def _send(self, lease: Lease, claim: Claim) -> Answer:
        """What Marketo answered; a refusal of our own where what is stored cannot be sent."""

        def may_go_on() -> bool:
            """Not once another worker, or recovery, may call the claim lost."""
            self.hit(Failpoint.SENDING)
            now = self.now.monotonic()
            return lease.holds(now) and now < claim.until

        with self.schedule.noting_unsent(claim.part):
            async with self.db.read() as tx:
                request = (await import_queries.summary_of(tx, claim.part)).request
            file = await load_outgoing(self.db, claim.part, request)
        if not isinstance(file, FormFile):
            return file
        try:
            return await self.marketo.submit(request.target, file, may_go_on=may_go_on)
        except (BrokenFile, zstd.ZstdError):  # stored without a checksum; Marketo never got a whole request
            return DAMAGED
        except DoesNotFit as larger:
            return Refused(None, f"What is stored of the part cannot be sent: {larger}", whole_import=False)

    async def _record(self, lease: Lease, part: Part, answer: Answer) -> None:
        at = self.now()
        async with self.fenced.write(lease) as (tx, instance):
            match answer:
                case Accepted():
                    await self._accept(tx, instance, part, answer, at)
                case TurnedAway():
                    values, facts, beside = await self.turned_away.apply(tx, instance, part, answer, at)
                    await parts.move(tx, part.id, Move.TURN_AWAY, at=at, values=values, beside=beside, **facts)
                case Refused():
                    await self._refuse(tx, instance, part, answer, at)
                case OutcomeUnknown():
                    await self._lose(tx, instance, part, answer, at)
                case _:
                    assert_never(answer)

    async def _accept(self, tx: Transaction, instance: Instance, part: Part, answer: Accepted, at: datetime) -> None:
        values = COUNTED | {"batch_id": answer.batch_id, "submitted_at": at, "message": answer.message}
        values |= {"retry_code": None, "failing_since": None, "due_at": self.retry_policy.next_poll(at)}
        await self.back_off.clear(tx, instance, submitted=True)
        await self.external_slots.observe_accepted(tx, instance, at)
        await parts.move(tx, part.id, Move.ACCEPT, at=at, values=values, batch_id=answer.batch_id)
        if answer.status is MarketoStatus.FAILED:
            why = answer.message or "Marketo took the part and called it failed at once."
            error = {"error_code": "marketo_failed", "error_message": why}
            await parts.move(tx, part.id, Move.FAIL, at=at, values=error)

    async def _refuse(self, tx: Transaction, instance: Instance, part: Part, answer: Refused, at: datetime) -> None:
        if answer.code:  # Marketo takes our calls, though not this one
            await self.back_off.clear(tx, instance, submitted=False)
        error = {"error_code": answer.error, "error_message": answer.message, "error_marketo_code": answer.code}
        is_unsent = answer.error == DAMAGED.error
        code = answer.error if is_unsent else answer.code
        values = error if is_unsent else COUNTED | error
        await parts.move(tx, part.id, Move.REFUSE, at=at, values=values, code=code)
        if answer.whole_import:
            others = await part_queries.waiting_of(tx, part.import_id)
            await parts.move_all(tx, others, Move.ABANDON, at=at, values=error, code=answer.code)

    async def _lose(self, tx: Transaction, instance: Instance, part: Part, lost: OutcomeUnknown, at: datetime) -> None:
        error = error_of(lost, call=CREATE, at=at)
        values = COUNTED | {"due_at": await self.settling.until(tx, part, at)}
        values |= part_rows.tried(TryError(error.code, error.message, at), failing_since=None)
        await parts.move(tx, part.id, Move.LOSE, at=at, values=values, beside={"error": lost.why}, why=lost.why)
        attempts = len(await part_queries.in_states(tx, instance.name, {State.UNCONFIRMED})) - 1
        await self.back_off.begin(tx, instance.name, RejectionReason.UNAVAILABLE, error, attempts=attempts)
        await incidents.note_error(tx, instance.name, error)
