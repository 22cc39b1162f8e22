"""Submit: send the next waiting part to Marketo, if it may go.

NEVER_TWICE_BY_ACCIDENT: the claim is committed before the POST, and only an answer, or the verdict that there will
be none, moves the part on. SLOTS_NOT_OVERSOLD: the instance's row is locked, then the slots are counted.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain, repeat
from typing import Any, assert_never

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import ClockJumped
from app.domain.answers import Accepted, Answer, Because, Lost, Refused, Status, TurnedAway
from app.domain.imports import Part
from app.domain.instances import Instance, lesson_seconds
from app.domain.lifecycle import Move, State
from app.domain.patience import (
    DENIED_RETRY_SECONDS,
    INSIST_SECONDS,
    after,
)
from app.files.packing import unpacked, zstd
from app.marketo.multipart import FILE_NAME, BrokenFile, DoesNotFit, PartFile
from app.steps.driver import Driver
from app.steps.judge import Judge
from app.steps.lease import Lease
from app.steps.points import Point
from app.steps.turns import Turns
from app.store import instances, line, parts
from app.store.blobs import Corrupt
from app.store.database import AWAY, cause
from app.store.imports import Standing
from app.store.parts import Stale
from app.store.tables import part as part_table

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


@dataclass(frozen=True, slots=True)
class Submit:
    """Claim a part, POST it with nothing open, record the answer."""

    driver: Driver
    judge: Judge
    turns: Turns
    _unsent: set[int] = field(default_factory=set)  # parts that may be claimed, and were not sent

    async def run_once(self, lease: Lease) -> bool:
        """Submit one part, or find out more about which may go. False when none may go now.

        Network: one POST; two where the token died.
        """
        await self._take_back(lease)
        chosen, more_to_judge = await self._choose(lease)
        if chosen is None:
            return more_to_judge
        claimed = self.driver.now.monotonic()
        try:
            part = await self._claim(lease, chosen)
            if part is None:
                return more_to_judge
            self.driver.reached(Point.CLAIMED)
            self.judge.forget(part)
            self.turns.took(part.client, part.rows.total)
            standing, file = await self._file(part)
        except AWAY:
            self._unsent.add(chosen.id)
            raise
        until = claimed + self.driver.patience.claim_seconds
        answer = file if isinstance(file, Refused) else await self._send(lease, standing, file, until=until)
        self.driver.reached(Point.ANSWERED)
        await self._insist(lease, part, answer)
        self.driver.reached(Point.SUBMITTED)
        return True

    async def _take_back(self, lease: Lease) -> None:
        """A claim that the database took while its word was lost, or behind which it went away: nothing was sent."""
        for part_id in list(self._unsent):
            with suppress(Stale):
                async with self.driver.writing(lease) as (tx, _):
                    why = "the database went away behind the claim, and nothing was sent"
                    values = {"due_at": None, "retry_code": None}
                    await parts.move(tx, part_id, Move.TURN_AWAY, at=self.driver.now(), values=values, why=why)
            self._unsent.discard(part_id)

    async def _choose(self, lease: Lease) -> tuple[Part | None, bool]:
        """(the first waiting part that may go now, whether another look would tell more)."""
        at = self.driver.now()
        async with self.driver.db.read() as tx:
            instance = await instances.get(tx, lease.instance)
            if instance is None or not lease.holds(self.driver.now.monotonic()):
                return None, False
            if not await self._has_room(tx, instance, at):
                return None, False
            due = await line.any_due(tx, lease.instance, now=at)
        if due:
            async with self.driver.writing(lease) as (tx, _):
                await parts.make_due(tx, lease.instance, now=at)
            self.driver.reached(Point.MADE_DUE)
        async with self.driver.db.read() as tx:
            priority, clients = await line.clients(tx, lease.instance)
        for client in self.turns.in_order(clients):
            async with self.driver.db.read() as tx:
                theirs = await line.of_client(
                    tx, lease.instance, priority=priority or 0, client=client, limit=CANDIDATES
                )
            for part in theirs:
                match await self.judge.may_go(lease, part, now=at):
                    case True:
                        return part, False
                    case None:
                        return None, True
        return None, bool(clients)

    async def _has_room(self, tx: AsyncConnection, instance: Instance, at: datetime) -> bool:
        used = len(await parts.slots_in_use(tx, instance.name))
        if used + instance.slots_of_others(at) >= self.driver.max_queued or not instance.may_submit(at):
            return False
        return not self.driver.watch.has_enough(await self._there(tx, instance.name), at)

    async def _there(self, tx: AsyncConnection, name: str) -> Sequence[Part]:
        return await parts.in_states(tx, name, {State.QUEUED, State.IMPORTING})

    async def _claim(self, lease: Lease, part: Part) -> Part | None:
        at = self.driver.now()
        try:
            async with self.driver.writing(lease) as (tx, instance):
                if not await self._has_room(tx, instance, at):
                    return None
                used = await parts.slots_in_use(tx, lease.instance)
                slot = min(set(range(1, self.driver.max_queued + 1)) - used)
                deadline = self.driver.patience.claim_deadline(at)
                if instance.idle_since:
                    await instances.note_idle(tx, lease.instance, since=None)
                claimed = {"slot": slot, "due_at": deadline, "submitted_at": at, "batch_id": None}
                return await parts.move(tx, part.id, Move.CLAIM, at=at, values=claimed, slot=slot)
        except Stale:
            return None

    async def _file(self, part: Part) -> tuple[Standing, PartFile | Refused]:
        """What is to be sent, checked; a refusal of our own where it is not what was stored."""
        standing = await self.driver.standing(part)
        try:
            async with self.driver.db.read() as tx:
                kept = await parts.kept(tx, part.id)
        except Corrupt:
            log.exception("a part is damaged, and is not sent", import_id=part.import_id, part=part.number)
            return standing, DAMAGED
        assert kept is not None, "the rows of an unfinished import are not erased"
        file = PartFile(FILE_NAME, standing.request.format, part.size_bytes, partial(unpacked, kept.blob))
        return standing, file

    async def _send(self, lease: Lease, standing: Standing, file: PartFile, *, until: float) -> Answer:
        def may_go_on() -> bool:
            """Not once another worker, or a sweep, may call the claim lost."""
            self.driver.reached(Point.SENDING)
            now = self.driver.now.monotonic()
            return lease.holds(now) and now < until

        try:
            return await self.driver.marketo.submit(standing.request.target, file, may_go_on=may_go_on)
        except (BrokenFile, zstd.ZstdError):  # stored without a checksum; Marketo never got a whole request
            return DAMAGED
        except DoesNotFit as larger:
            return Refused(None, f"What is stored of the part cannot be sent: {larger}", whole_import=False)

    async def _insist(self, lease: Lease, part: Part, answer: Answer) -> None:
        """Write down what Marketo answered, however long the database is away: it stands nowhere else."""
        for wait in chain(INSIST_SECONDS, repeat(INSIST_SECONDS[-1])):
            try:
                await self._record(lease, part, answer)
            except Stale:  # the lease is lost, or a sweep has called the claim lost
                log.warning("an answer came too late", **_told(part, answer))
                return
            except (*AWAY, ClockJumped) as away:
                log.warning("an answer cannot be recorded yet", error=cause(away), **_told(part, answer))
                await self.driver.sleep(wait)
            except Exception:
                log.exception("an answer cannot be recorded", **_told(part, answer))
                raise
            else:
                return

    async def _record(self, lease: Lease, part: Part, answer: Answer) -> None:
        at = self.driver.now()
        async with self.driver.writing(lease) as (tx, instance):
            match answer:
                case Accepted():
                    await self._accepted(tx, instance, part, answer, at)
                case TurnedAway():
                    await self._turned_away(tx, instance, part, answer, at)
                case Refused():
                    await self._refused(tx, part, answer, at)
                case Lost(why=why):
                    await self._lost(tx, instance, part, why, at)
                case _:
                    assert_never(answer)

    async def _accepted(
        self, tx: AsyncConnection, instance: Instance, part: Part, answer: Accepted, at: datetime
    ) -> None:
        values = COUNTED | {
            "batch_id": answer.batch_id,
            "submitted_at": at,
            "message": answer.message,
            "retry_code": None,
            "due_at": self.driver.patience.next_look(at),
        }
        await self.driver.make_well(tx, instance, submitted=True)
        await self._unlearn(tx, instance, at)
        await parts.move(tx, part.id, Move.ACCEPT, at=at, values=values, batch_id=answer.batch_id)
        if answer.status is Status.FAILED:
            why = answer.message or "Marketo took the part and called it failed at once."
            error = {"error_code": "marketo_failed", "error_message": why}
            await parts.move(tx, part.id, Move.FAIL, at=at, values=error)

    async def _turned_away(
        self, tx: AsyncConnection, instance: Instance, part: Part, answer: TurnedAway, at: datetime
    ) -> None:
        values: dict[str, Any] = {"retry_code": answer.code or answer.because, "due_at": None}
        match answer.because:
            case Because.UNAVAILABLE | Because.TRANSIENT:
                due_at = self.driver.patience.retry(at, part.attempts, chance=self.driver.chance())
                values |= COUNTED | {"due_at": due_at}
                await self.driver.make_wait(tx, instance.name, answer.because, answer.message, attempts=part.attempts)
            case Because.LIST_BUSY:
                values["due_at"] = after(at, self.driver.patience.poll_max_seconds)
            case Because.QUEUE_FULL:
                await self._learn(tx, instance, at)
            case Because.DENIED:  # for this kind of record perhaps, and not for another: let others try first
                values["due_at"] = after(at, DENIED_RETRY_SECONDS)
                await self.driver.make_wait(tx, instance.name, answer.because, answer.message)
            case _:
                await self.driver.make_wait(tx, instance.name, answer.because, answer.message)
        told = {"code": answer.code, "because": answer.because}
        await parts.move(tx, part.id, Move.TURN_AWAY, at=at, values=values, **told)

    async def _learn(self, tx: AsyncConnection, instance: Instance, at: datetime) -> None:
        """1016: what is not ours in Marketo's queue is somebody else's, and stays so for a while."""
        ours = len(await parts.slots_in_use(tx, instance.name)) - 1  # the part that was turned away is not there
        await instances.learn_foreign_slots(
            tx,
            instance.name,
            slots=max(0, self.driver.max_queued - ours),
            until=after(at, lesson_seconds(instance.foreign_lessons)),
            lessons=instance.foreign_lessons + 1,
        )

    async def _unlearn(self, tx: AsyncConnection, instance: Instance, at: datetime) -> None:
        """A part was taken in a place that was thought to be somebody else's: try the next one, too."""
        used = len(await parts.slots_in_use(tx, instance.name))
        if instance.foreign_slots and used + instance.foreign_slots > self.driver.max_queued:
            fewer = self.driver.max_queued - used
            await instances.learn_foreign_slots(tx, instance.name, slots=fewer, until=at, lessons=0)

    async def _refused(self, tx: AsyncConnection, part: Part, answer: Refused, at: datetime) -> None:
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

    async def _lost(self, tx: AsyncConnection, instance: Instance, part: Part, why: str, at: datetime) -> None:
        settled = await self.driver.settled(tx, part, at)
        await parts.move(tx, part.id, Move.LOSE, at=at, values=COUNTED | {"due_at": settled}, why=why)
        lost = await parts.in_states(tx, instance.name, {State.UNCONFIRMED})
        await self.driver.make_wait(tx, instance.name, Because.UNAVAILABLE, why, attempts=len(lost) - 1)


def _told(part: Part, answer: Answer) -> dict[str, object]:
    """What a person needs to resolve the part, where no event can say it."""
    known: dict[str, object] = {"instance": part.instance, "import_id": part.import_id, "part": part.number}
    return known | {"answer": type(answer).__name__, "batch_id": getattr(answer, "batch_id", None)}
