"""Poll: ask Marketo how the head of its queue is doing. POLL_IS_NOT_FATE: no error of a question moves a part."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.domain.answers import MarketoStatus, QueryFailed, Report
from app.domain.events import Occurrence
from app.domain.failpoints import Failpoint
from app.domain.incidents import CallError, error_of, is_to_be_told
from app.domain.lifecycle import Move, State
from app.domain.parts import Part, Rows, TryError
from app.domain.timeouts import DENIALS, FORGOTTEN_SECONDS
from app.notify.wakeup import Wakeup
from app.scheduling.instance_context import InstanceContext
from app.scheduling.lease import Lease
from app.scheduling.queue_model import Observation
from app.store import events, incidents, instances, parts
from app.store.parts import Stale
from app.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Poll:
    """Marketo's queue is first in, first out: only as many of its oldest jobs as it imports at once can have news."""

    context: InstanceContext
    wakeup: Wakeup

    async def run_once(self, lease: Lease) -> bool:
        """Ask about the parts whose turn it is, the oldest first. True when one of them moved. Network: a GET each."""
        moved = onward = False
        while True:
            at, jump_id = self.context.now(), self.context.now.jump_id
            async with self.context.db.read() as tx:
                instance = await instances.get(tx, lease.instance)
                there = await parts.in_states(tx, lease.instance, {State.QUEUED, State.IMPORTING})
            known = [part for part in there if part.silent_since is None]
            index = self.context.queue_model.look(known, at, onward=onward).job
            silent = [part for part in there if part.silent_since and part.due_at and part.due_at <= at]
            may_ask = instance is not None and instance.may_ask(at) and lease.holds(self.context.now.monotonic())
            if (index is None and not silent) or not may_ask:
                break
            part = known[index] if index is not None else silent[0]
            onward = await self._ask(lease, known, part, jump_id) and part.silent_since is None
            moved = onward or moved
        if moved:
            self.wakeup.send()  # there is room at Marketo
        return moved

    async def _ask(self, lease: Lease, there: Sequence[Part], part: Part, jump_id: int) -> bool:
        """True when it moved on. `jump_id`: of the clock, when the part was read. Errors: ClockJumped."""
        assert part.batch_id is not None, "a part at Marketo has its number"
        standing = await self.context.standing(part)
        word = await self.context.marketo.status(standing.request.target, part.batch_id)
        self.context.hit(Failpoint.ASKED)
        try:
            match word:
                case Report():
                    moved = await self._record(lease, there, part, word, jump_id)
                case QueryFailed():
                    moved = await self._ask_again(lease, there, part, word, jump_id)
        except Stale:
            self.context.queue_model.gone(part)
            return False
        self.context.hit(Failpoint.MOVED)
        return moved

    async def _record(self, lease: Lease, there: Sequence[Part], part: Part, report: Report, jump_id: int) -> bool:
        at = self.context.now()
        self.context.now.expect(jump_id)
        seen = self._seen(there, part, report, at)
        moves = self._moves(there, part, report, at)
        async with self.context.writing(lease) as (tx, instance):
            await self.context.clear_block(tx, instance, submitted=False)
            if not moves:
                await parts.note(tx, part.id, **seen)
            for how, values in moves:
                await parts.move(tx, part.id, how, at=at, values=seen | values, batch_id=part.batch_id)
            if moves:
                await instances.note_moved(tx, instance.name, at=at)
            if any(how is Move.FINISH for how, _ in moves) and instance.may_doubt_slots(at):
                await instances.doubt_foreign_slots(tx, instance.name, at=at)
        return any(how is not Move.START for how, _ in moves)

    def _moves(
        self, there: Sequence[Part], part: Part, report: Report, at: datetime
    ) -> list[tuple[Move, dict[str, Any]]]:
        match report.status:
            case MarketoStatus.IMPORTING if part.state is State.QUEUED:
                return [(Move.START, {"started_at": self._begun(there, part, at)})]
            case MarketoStatus.COMPLETE:
                begun = self._ended(there, part, at)
                return [(Move.FINISH, {"due_at": None, "started_at": part.started_at or begun})]
            case MarketoStatus.FAILED:
                self._ended(there, part, at)
                why = report.message or "Marketo ended the job as failed and did not say why."
                return [(Move.FAIL, {"error_code": "marketo_failed", "error_message": why})]
            case _:
                return []

    def _begun(self, there: Sequence[Part], part: Part, at: datetime) -> datetime:
        """About when Marketo began with a part that it is found at work on."""
        if part not in there:
            return at
        return min(at, self.context.queue_model.queue(there, at).spans[there.index(part)].start)

    def _ended(self, there: Sequence[Part], part: Part, at: datetime) -> datetime:
        if part not in there:
            self.context.queue_model.gone(part)
            return at
        return self.context.queue_model.ended(there, there.index(part), at).start

    def _seen(self, there: Sequence[Part], part: Part, report: Report, at: datetime) -> dict[str, Any]:
        """The columns that a report fills: counts and message; and what it says of how long it will take."""
        known = part.rows
        rows, too_many = Rows.counted(
            known.total,
            imported=known.imported if report.imported is None else report.imported,
            failed=known.failed if report.failed is None else report.failed,
            warned=known.warned if report.warned is None else report.warned,
        )
        if report.status not in {MarketoStatus.COMPLETE, MarketoStatus.FAILED}:
            left = None if report.imported is None else rows.pending
            self.context.queue_model.saw(
                there, part, Observation(at, left, begun=report.status is MarketoStatus.IMPORTING)
            )
        return {
            "results_missing": too_many,
            "counted": part.counted or report.imported is not None,
            "imported": rows.imported,
            "failed": rows.failed,
            "warned": rows.warned,
            "message": report.message or part.message,
            "silent_since": None,
            "denials": 0,
            "failing_since": None,
            "due_at": self.context.retry_policy.next_poll(at),
        }

    async def _ask_again(
        self, lease: Lease, there: Sequence[Part], part: Part, word: QueryFailed, jump_id: int
    ) -> bool:
        """True when Marketo has denied knowing the job for so long that it is no longer there."""
        at = self.context.now()
        self.context.now.expect(jump_id)
        self.context.queue_model.saw(there, part, Observation(at, None, begun=None))
        since = (part.silent_since or at) if word.unknown_job else part.silent_since
        forgotten = since is not None and word.unknown_job and (at - since) >= timedelta(seconds=FORGOTTEN_SECONDS)
        error = error_of(word, call="status", at=at)
        async with self.context.writing(lease) as (tx, instance):
            await incidents.note_error(tx, lease.instance, error)
            if word.because:
                await self.context.back_off(tx, lease.instance, word.because, error)
            elif word.unknown_job:
                await self.context.clear_block(tx, instance, submitted=False)
            if forgotten:
                settled = {"due_at": self.context.retry_policy.settled(at), "silent_since": None, "denials": 0}
                await parts.move(
                    tx, part.id, Move.FORGET, at=at, values=settled | {"failing_since": None}, code=word.code
                )
            else:
                await self._note(tx, part, word, error, silent_since=since)
        return forgotten

    async def _note(
        self, tx: Transaction, part: Part, word: QueryFailed, error: CallError, *, silent_since: datetime | None
    ) -> None:
        """Keep that a question got no usable answer, and tell so once it has lasted (NO_SILENCE)."""
        denials, failing_since = part.denials + word.unknown_job, part.failing_since or error.at
        tried = parts.tried(TryError(error.code, error.message, error.at), failing_since=failing_since)
        again = self.context.retry_policy.next_poll(error.at)
        lock = await parts.note(tx, part.id, silent_since=silent_since, denials=denials, due_at=again, **tried)
        if word.unknown_job and denials == DENIALS:
            occurrence = Occurrence.UNKNOWN_AT_MARKETO
        elif denials < DENIALS and is_to_be_told(failing_since, before=part.tried_at, at=error.at):
            occurrence = Occurrence.UNANSWERED
        else:
            return
        told = {"batch_id": part.batch_id, "code": error.code}
        await events.append_of_part(tx, lock, part, occurrence, at=error.at, since=failing_since, **told)
