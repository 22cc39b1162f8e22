"""Submit: send the next waiting part to Marketo, if it may go.

NEVER_TWICE_BY_ACCIDENT: the claim is committed before the POST, and only an answer, or the verdict that there will
be none, moves the part on. SLOTS_NOT_OVERSOLD: the instance's row is locked, then the slots are counted.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import chain, repeat
from typing import Any, assert_never

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import ClockJumped
from app.domain.ageing import rank, seconds_to_rise
from app.domain.answers import Accepted, Answer, MarketoStatus, OutcomeUnknown, Refused, RejectionReason, TurnedAway
from app.domain.events import Occurrence
from app.domain.failpoints import Failpoint
from app.domain.incidents import CREATE, CallError, error_of
from app.domain.instances import Instance, at_work, lesson_seconds
from app.domain.lifecycle import Move, State
from app.domain.parts import Part, TryError
from app.domain.timeouts import DENIED_RETRY_SECONDS, INSIST_SECONDS, after
from app.files.compression import unpacked, zstd
from app.marketo.multipart import FILE_NAME, BrokenFile, DoesNotFit, PartFile
from app.scheduling.conflict_checker import ConflictChecker
from app.scheduling.fair_share import AgedShare, FairShare
from app.scheduling.instance_context import InstanceContext
from app.scheduling.lease import Lease
from app.store import incidents, instances, parts, waiting_queue
from app.store.blobs import Corrupt
from app.store.database import AWAY, cause
from app.store.imports import ImportSummary
from app.store.instances import Lesson
from app.store.parts import Stale
from app.store.tables import part as part_table
from app.store.transaction import Transaction

log = structlog.get_logger()

CANDIDATES = 20  # of a client's waiting parts that are judged in one turn
DAMAGED = Refused(
    None,
    "What is stored of the part is damaged: it is not what was uploaded. It was not sent. Upload its rows again; "
    "whoever runs the service: look at the disk, and at `sluice check-database`.",
    whole_import=False,
    error="corrupt",
)
COUNTED = {part_table.c.attempts.name: part_table.c.attempts + 1}
"""Columns for a submission that counts as an attempt. Back-pressure (1016, 1019, 606, 607, 615) does not."""


OF_THE_PART = frozenset({RejectionReason.QUEUE_FULL, RejectionReason.LIST_BUSY, RejectionReason.TRANSIENT})
"""Others of the instance need not wait: where Marketo said so, it takes our calls, and turned away this part."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A part that may be sent next."""

    part: Part
    by_age: bool = False  # and not by its priority


@dataclass(frozen=True, slots=True)
class Submit:
    """Claim a part, POST it with nothing open, record the answer."""

    context: InstanceContext
    conflict_checker: ConflictChecker
    turns: FairShare = field(default_factory=FairShare)
    elders: AgedShare = field(default_factory=AgedShare)
    _unsent: set[int] = field(default_factory=set)  # parts that may be claimed, and were not sent

    async def run_once(self, lease: Lease) -> bool:
        """Submit one part, or find out more about which may go. False when none may go now.

        Network: one POST; two where the token died.
        """
        await self._release_unsent(lease)
        chosen, more_to_judge = await self._choose(lease)
        if chosen is None:
            return more_to_judge
        claimed = self.context.now.monotonic()
        try:
            part = await self._claim(lease, chosen.part)
            if part is None:
                return more_to_judge
            self.context.hit(Failpoint.CLAIMED)
            self.conflict_checker.forget(part)
            self._count(part, chosen)
            standing, file = await self._file(part)
        except AWAY:
            self._unsent.add(chosen.part.id)
            raise
        until = claimed + self.context.retry_policy.claim_seconds
        answer = file if isinstance(file, Refused) else await self._send(lease, standing, file, until=until)
        self.context.hit(Failpoint.ANSWERED)
        await self._record_with_retry(lease, part, answer)
        self.context.hit(Failpoint.SUBMITTED)
        return True

    async def _release_unsent(self, lease: Lease) -> None:
        """A claim that the database took while its word was lost, or behind which it went away: nothing was sent."""
        for part_id in list(self._unsent):
            with suppress(Stale):
                async with self.context.writing(lease) as (tx, _):
                    why = "the database went away behind the claim, and nothing was sent"
                    values = {"due_at": None, "retry_code": None}
                    await parts.move(tx, part_id, Move.TURN_AWAY, at=self.context.now(), values=values, why=why)
            self._unsent.discard(part_id)

    async def _choose(self, lease: Lease) -> tuple[Choice | None, bool]:
        """(the first waiting part that may go now, whether another look would tell more)."""
        at = self.context.now()
        async with self.context.db.read() as tx:
            instance = await instances.get(tx, lease.instance)
            if instance is None or not lease.holds(self.context.now.monotonic()):
                return None, False
            if not await self._has_room(tx, instance, at):
                return None, False
            due = await waiting_queue.any_due(tx, lease.instance, now=at)
            is_alone = instance.foreign_alone and not at_work(await parts.states_at_marketo(tx, lease.instance))
        if due:
            async with self.context.writing(lease) as (tx, _):
                await parts.make_due(tx, lease.instance, now=at)
            self.context.hit(Failpoint.MADE_DUE)
        looked = False
        async with aclosing(self._candidates(lease.instance, smallest_first=is_alone)) as candidates:
            async for candidate in candidates:
                looked = True
                match await self.conflict_checker.check(lease, candidate.part, now=at):
                    case True:
                        return candidate, False
                    case None:
                        return None, True
        return None, looked

    async def _candidates(self, instance: str, *, smallest_first: bool) -> AsyncGenerator[Choice, None]:
        """Those of the highest priority, client by client; now and then before them who has risen as high.

        `smallest_first`: others fill Marketo's queue, and most likely it is sent for nothing once more.
        """
        async with self.context.db.read() as tx:
            priority, clients = await waiting_queue.clients(tx, instance)
            smallest = await waiting_queue.smallest(tx, instance, limit=CANDIDATES) if smallest_first else []
        if priority is None:
            return
        if smallest_first:
            for part in smallest:
                yield Choice(part)
            return
        if self.elders.are_next(priority):
            for part in await self._risen(instance, priority):
                yield Choice(part, by_age=True)
        for client in self.turns.in_order(clients):
            async with self.context.db.read() as tx:
                theirs = await waiting_queue.of_client(tx, instance, priority=priority, client=client, limit=CANDIDATES)
            for part in theirs:
                yield Choice(part)

    async def _risen(self, instance: str, priority: int) -> list[Part]:
        """Of each client the part that has risen highest, if it has risen to that priority; in the clients' order."""
        async with self.context.db.read() as tx:
            heads = await waiting_queue.heads(tx, instance, below=priority)
        ago = self.context.now.ago  # a clock that was set makes nobody older, or younger
        risen = [head for head in heads if head.since <= ago(seconds_to_rise(head.priority, to=priority))]
        if not risen:
            self.elders.begin_anew()
        risen.sort(key=lambda head: rank(head.priority, head.since), reverse=True)
        highest = {head.part.client: head.part for head in risen}
        return [highest[client] for client in self.elders.turns.in_order(sorted(highest))]

    def _count(self, part: Part, choice: Choice) -> None:
        self.turns.took(part.client, part.rows.total)
        if choice.by_age:
            self.elders.took(part.client, part.rows.total)
        else:
            self.elders.were_passed()

    async def _has_room(self, tx: AsyncConnection, instance: Instance, at: datetime) -> bool:
        there = await parts.states_at_marketo(tx, instance.name)
        theirs = instance.slots_of_others(at, at_work=at_work(there))
        if there.total() + theirs >= self.context.max_queued or not instance.may_submit(at):
            return False
        return not self.context.queue_model.has_enough(await self._there(tx, instance.name), at)

    async def _there(self, tx: AsyncConnection, name: str) -> Sequence[Part]:
        return await parts.in_states(tx, name, {State.QUEUED, State.IMPORTING})

    async def _claim(self, lease: Lease, part: Part) -> Part | None:
        at = self.context.now()
        try:
            async with self.context.writing(lease) as (tx, instance):
                if not await self._has_room(tx, instance, at):
                    return None
                used = await parts.slots_in_use(tx, lease.instance)
                slot = min(set(range(1, self.context.max_queued + 1)) - used)
                deadline = self.context.retry_policy.claim_deadline(at)
                if instance.idle_since:
                    await instances.note_idle(tx, lease.instance, since=None)
                claimed = {"slot": slot, "due_at": deadline, "submitted_at": at, "batch_id": None}
                return await parts.move(tx, part.id, Move.CLAIM, at=at, values=claimed, slot=slot)
        except Stale:
            return None

    async def _file(self, part: Part) -> tuple[ImportSummary, PartFile | Refused]:
        """What is to be sent, checked; a refusal of our own where it is not what was stored."""
        standing = await self.context.standing(part)
        try:
            async with self.context.db.read() as tx:
                kept = await parts.kept(tx, part.id)
        except Corrupt:
            log.exception("a part is damaged, and is not sent", import_id=part.import_id, part=part.number)
            return standing, DAMAGED
        assert kept is not None, "the rows of an unfinished import are not erased"
        file = PartFile(FILE_NAME, standing.request.format, part.size_bytes, partial(unpacked, kept.blob))
        return standing, file

    async def _send(self, lease: Lease, standing: ImportSummary, file: PartFile, *, until: float) -> Answer:
        def may_go_on() -> bool:
            """Not once another worker, or a sweep, may call the claim lost."""
            self.context.hit(Failpoint.SENDING)
            now = self.context.now.monotonic()
            return lease.holds(now) and now < until

        try:
            return await self.context.marketo.submit(standing.request.target, file, may_go_on=may_go_on)
        except (BrokenFile, zstd.ZstdError):  # stored without a checksum; Marketo never got a whole request
            return DAMAGED
        except DoesNotFit as larger:
            return Refused(None, f"What is stored of the part cannot be sent: {larger}", whole_import=False)

    async def _record_with_retry(self, lease: Lease, part: Part, answer: Answer) -> None:
        """Write down what Marketo answered, however long the database is away: it stands nowhere else."""
        for wait in chain(INSIST_SECONDS, repeat(INSIST_SECONDS[-1])):
            try:
                await self._record(lease, part, answer)
            except Stale:  # the lease is lost, or a sweep has called the claim lost
                log.warning("an answer came too late", **_told(part, answer))
                return
            except (*AWAY, ClockJumped) as away:
                log.warning("an answer cannot be recorded yet", error=cause(away), **_told(part, answer))
                await self.context.sleep(wait)
            except Exception:
                log.exception("an answer cannot be recorded", **_told(part, answer))
                raise
            else:
                return

    async def _record(self, lease: Lease, part: Part, answer: Answer) -> None:
        at = self.context.now()
        async with self.context.writing(lease) as (tx, instance):
            match answer:
                case Accepted():
                    await self._accepted(tx, instance, part, answer, at)
                case TurnedAway():
                    await self._turned_away(tx, instance, part, answer, at)
                case Refused():
                    await self._refused(tx, instance, part, answer, at)
                case OutcomeUnknown():
                    await self._lost(tx, instance, part, answer, at)
                case _:
                    assert_never(answer)

    async def _accepted(self, tx: Transaction, instance: Instance, part: Part, answer: Accepted, at: datetime) -> None:
        values = COUNTED | {
            "batch_id": answer.batch_id,
            "submitted_at": at,
            "message": answer.message,
            "retry_code": None,
            "failing_since": None,
            "due_at": self.context.retry_policy.next_poll(at),
        }
        await self.context.clear_block(tx, instance, submitted=True)
        await self._unlearn(tx, instance, at)
        await parts.move(tx, part.id, Move.ACCEPT, at=at, values=values, batch_id=answer.batch_id)
        if answer.status is MarketoStatus.FAILED:
            why = answer.message or "Marketo took the part and called it failed at once."
            error = {"error_code": "marketo_failed", "error_message": why}
            await parts.move(tx, part.id, Move.FAIL, at=at, values=error)

    async def _turned_away(
        self, tx: Transaction, instance: Instance, part: Part, answer: TurnedAway, at: datetime
    ) -> None:
        error = error_of(answer, call=CREATE, at=at)
        # what Marketo says of a file is kept where the file is, and erased with it
        ours = replace(error, message=f"a part was turned away: {answer.because}")
        noted = ours if answer.because in OF_THE_PART else error
        values: dict[str, Any] = {"retry_code": error.code, "due_at": None}
        match answer.because:
            case RejectionReason.UNAVAILABLE | RejectionReason.TRANSIENT:
                due_at = self.context.retry_policy.retry(at, part.attempts, chance=self.context.chance())
                values |= COUNTED | {"due_at": due_at}
            case RejectionReason.LIST_BUSY:
                values["due_at"] = after(at, self.context.retry_policy.poll_max_seconds)
            case RejectionReason.QUEUE_FULL:
                await self._learn(tx, instance, noted)
            case RejectionReason.DENIED:  # for this kind of record perhaps, and not for another: let others try first
                values["due_at"] = after(at, DENIED_RETRY_SECONDS)
        if answer.because in OF_THE_PART and answer.code:
            await self.context.clear_block(tx, instance, submitted=False)
        await self.context.back_off(tx, instance.name, answer.because, error, attempts=part.attempts)
        await incidents.note_error(tx, instance.name, noted)
        failing_since = (part.failing_since or at) if values["due_at"] else None
        values |= parts.tried(TryError(error.code, error.message, at), failing_since=failing_since)
        told: dict[str, Any] = {"code": answer.code, "because": answer.because}
        beside = None if answer.because in OF_THE_PART else {"call": error.call, "error": error.message}
        await parts.move(tx, part.id, Move.TURN_AWAY, at=at, values=values, beside=beside, **told)

    async def _learn(self, tx: Transaction, instance: Instance, error: CallError) -> None:
        """1016: what is not ours in Marketo's queue is somebody else's, and stays so for a while."""
        there = await parts.states_at_marketo(tx, instance.name)
        there[State.SUBMITTING] -= 1  # the part that was turned away
        theirs, working = max(0, self.context.max_queued - there.total()), at_work(there)
        before = instance.lessons_before(at_work=working)
        until = after(error.at, lesson_seconds(before, at_work=working))
        await instances.learn_foreign_slots(tx, instance.name, Lesson(theirs, error.at, until, before + 1, not working))
        await self.context.record_incident(tx, Occurrence.QUEUE_FULL, instance.name, error, slots=theirs)

    async def _unlearn(self, tx: Transaction, instance: Instance, at: datetime) -> None:
        """A part was taken in a place that was thought to be somebody else's: try the next one, too."""
        used = len(await parts.slots_in_use(tx, instance.name))
        is_wrong = used + instance.foreign_slots > self.context.max_queued
        if instance.foreign_slots and (is_wrong or instance.foreign_alone):
            fewer = self.context.max_queued - used
            lesson = Lesson(fewer, at, until=at, in_a_row=0, alone=False)
            await instances.learn_foreign_slots(tx, instance.name, lesson)

    async def _refused(self, tx: Transaction, instance: Instance, part: Part, answer: Refused, at: datetime) -> None:
        if answer.code:  # Marketo takes our calls, though not this one
            await self.context.clear_block(tx, instance, submitted=False)
        error = {
            "error_code": answer.error,
            "error_message": answer.message,
            "error_marketo_code": answer.code,
        }
        if answer.error == DAMAGED.error:  # it was never sent
            await parts.move(tx, part.id, Move.REFUSE, at=at, values=error, code=answer.error)
            return
        await parts.move(tx, part.id, Move.REFUSE, at=at, values=COUNTED | error, code=answer.code)
        if answer.whole_import:
            others = await parts.waiting_of(tx, part.import_id)
            await parts.move_all(tx, others, Move.ABANDON, at=at, values=error, code=answer.code)

    async def _lost(self, tx: Transaction, instance: Instance, part: Part, lost: OutcomeUnknown, at: datetime) -> None:
        error = error_of(lost, call=CREATE, at=at)
        values = COUNTED | {"due_at": await self.context.settled(tx, part, at)}
        values |= parts.tried(TryError(error.code, error.message, at), failing_since=None)
        await parts.move(tx, part.id, Move.LOSE, at=at, values=values, beside={"error": lost.why}, why=lost.why)
        unconfirmed = await parts.in_states(tx, instance.name, {State.UNCONFIRMED})
        await self.context.back_off(
            tx, instance.name, RejectionReason.UNAVAILABLE, error, attempts=len(unconfirmed) - 1
        )
        await incidents.note_error(tx, instance.name, error)


def _told(part: Part, answer: Answer) -> dict[str, object]:
    """What a person needs to resolve the part, where no event can say it."""
    known: dict[str, object] = {"instance": part.instance, "import_id": part.import_id, "part": part.number}
    return known | {"answer": type(answer).__name__, "batch_id": getattr(answer, "batch_id", None)}
