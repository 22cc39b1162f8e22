"""Submit: send the next waiting part to Marketo, if it may go.

NEVER_TWICE_BY_ACCIDENT: the claim is committed before the POST, and only an answer, or the verdict that there will
be none, moves the part on. SLOTS_NOT_OVERSOLD: the instance's row is locked, then the slots are counted.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, assert_never

from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.answers import Accepted, Answer, Because, Lost, Refused, Status, TurnedAway
from app.domain.imports import Part
from app.domain.instances import Instance
from app.domain.lifecycle import Move
from app.domain.pacing import room
from app.domain.patience import FOREIGN_SLOTS_SECONDS, after
from app.files.packing import unpacked, zstd
from app.marketo.multipart import FILE_NAME, PartFile
from app.steps.driver import Driver
from app.steps.judge import Judge
from app.steps.lease import Lease
from app.store import instances, parts
from app.store.imports import Standing
from app.store.parts import Stale
from app.store.tables import part as part_table

CANDIDATES = 20  # waiting parts that are judged in one turn

COUNTED = {part_table.c.attempts.name: part_table.c.attempts + 1}
"""Columns for a submission that counts as an attempt. Back-pressure (1016, 1019, 606, 607, 615) does not."""


@dataclass(frozen=True, slots=True)
class Submit:
    """Claim a part, POST it with nothing open, record the answer."""

    driver: Driver
    judge: Judge

    async def run_once(self, lease: Lease) -> bool:
        """Submit one part, or find out more about which may go. False when none may go now. Network: one POST."""
        chosen, more_to_judge = await self._choose(lease)
        part = await self._claim(lease, chosen) if chosen else None
        if part is None:
            return more_to_judge
        self.judge.forget(part)
        standing, file = await self._file(part)
        await self._record(lease, part, await self._send(standing, file))
        return True

    async def _send(self, standing: Standing, file: PartFile) -> Answer:
        try:
            return await self.driver.marketo.submit(standing.request.target, file)
        except (ValueError, zstd.ZstdError) as broken:  # nothing was executed, and nothing will ever be
            return Refused(None, f"What is stored of the part cannot be sent: {broken}", whole_import=False)

    async def _choose(self, lease: Lease) -> tuple[Part | None, bool]:
        """(the first waiting part that may go now, whether another look would tell more)."""
        at = self.driver.now()
        async with self.driver.db.read() as tx:
            instance = await instances.get(tx, lease.instance)
            if instance is None or not await self._has_room(tx, instance, at):
                return None, False
            waiting = await parts.next_waiting(tx, lease.instance, now=at, limit=CANDIDATES)
        for part in waiting:
            match await self.judge.may_go(part, now=at):
                case True:
                    return part, False
                case None:
                    return None, True
        return None, bool(waiting)

    async def _has_room(self, tx: AsyncConnection, instance: Instance, at: datetime) -> bool:
        free = room(
            slots_used=len(await parts.slots_in_use(tx, instance.name)),
            slots_of_others=instance.slots_of_others(at),
            rows_there=await parts.rows_at_marketo(tx, instance.name),
            max_queued=self.driver.max_queued,
            max_importing=self.driver.max_importing,
            rows_per_second=self.driver.pace.rows_per_second,
            poll_min_seconds=self.driver.patience.poll_min_seconds,
        )
        return free > 0 and instance.may_submit(at)

    async def _claim(self, lease: Lease, part: Part) -> Part | None:
        at = self.driver.now()
        async with self.driver.db.write() as tx:
            instance = await instances.lock(tx, lease.instance, epoch=lease.epoch)
            if instance is None or not await self._has_room(tx, instance, at):
                return None
            used = await parts.slots_in_use(tx, lease.instance)
            slot = min(set(range(1, self.driver.max_queued + 1)) - used)
            deadline = self.driver.patience.claim_deadline(at)
            claimed = {"slot": slot, "due_at": deadline, "submitted_at": at, "batch_id": None}
            try:
                return await parts.move(tx, part.id, Move.CLAIM, at=at, epoch=lease.epoch, values=claimed, slot=slot)
            except Stale:
                return None

    async def _file(self, part: Part) -> tuple[Standing, PartFile]:
        async with self.driver.db.read() as tx:
            kept = await parts.kept(tx, part.id)
        assert kept is not None, "the rows of an unfinished import are not erased"
        standing = await self.driver.standing(part)
        file = PartFile(FILE_NAME, standing.request.format, part.size_bytes, partial(unpacked, kept.blob))
        return standing, file

    async def _record(self, lease: Lease, part: Part, answer: Answer) -> None:
        at = self.driver.now()
        async with self.driver.db.write() as tx:
            try:
                match answer:
                    case Accepted():
                        await self._accepted(tx, lease, part, answer, at)
                    case TurnedAway():
                        await self._turned_away(tx, lease, part, answer, at)
                    case Refused():
                        await self._refused(tx, lease, part, answer, at)
                    case Lost(why=why):
                        due_at = self.driver.patience.settled(at)
                        await self._move(tx, lease, part, Move.LOSE, at, COUNTED | {"due_at": due_at}, why=why)
                    case _:
                        assert_never(answer)
            except Stale:
                return  # the lease is lost, or a sweep has called the claim lost: the answer comes too late

    async def _accepted(self, tx: AsyncConnection, lease: Lease, part: Part, answer: Accepted, at: datetime) -> None:
        values = COUNTED | {
            "batch_id": answer.batch_id,
            "submitted_at": at,
            "message": answer.message,
            "retry_code": None,
            "due_at": self.driver.patience.next_look(at),
        }
        await self.driver.make_well(tx, lease.instance)
        await self._move(tx, lease, part, Move.ACCEPT, at, values, batch_id=answer.batch_id)
        if answer.status is Status.FAILED:
            why = answer.message or "Marketo took the part and called it failed at once."
            error = {"error_code": "marketo_failed", "error_message": why}
            await self._move(tx, lease, part, Move.FAIL, at, error, message=answer.message)

    async def _turned_away(
        self, tx: AsyncConnection, lease: Lease, part: Part, answer: TurnedAway, at: datetime
    ) -> None:
        values: dict[str, Any] = {"retry_code": answer.code or answer.because, "due_at": None}
        match answer.because:
            case Because.UNAVAILABLE:
                due_at = self.driver.patience.retry(at, part.attempts, chance=self.driver.chance())
                values |= COUNTED | {"due_at": due_at}
                if answer.code is None:  # nobody answered: no other part would fare better
                    await self.driver.make_wait(
                        tx, lease.instance, answer.because, answer.message, attempts=part.attempts
                    )
            case Because.LIST_BUSY:
                values["due_at"] = self.driver.patience.next_look(at)
            case Because.QUEUE_FULL:
                await self._learn(tx, lease, at)
            case _:
                await self.driver.make_wait(tx, lease.instance, answer.because, answer.message)
        await self._move(
            tx, lease, part, Move.TURN_AWAY, at, values, code=answer.code, because=answer.because, why=answer.message
        )

    async def _learn(self, tx: AsyncConnection, lease: Lease, at: datetime) -> None:
        """1016: what is not ours in Marketo's queue is somebody else's, and stays so for a while."""
        ours = len(await parts.slots_in_use(tx, lease.instance)) - 1  # the part that was turned away is not there
        others = max(0, self.driver.max_queued - ours)
        until = after(at, FOREIGN_SLOTS_SECONDS)
        await instances.learn_foreign_slots(tx, lease.instance, slots=others, until=until)

    async def _refused(self, tx: AsyncConnection, lease: Lease, part: Part, answer: Refused, at: datetime) -> None:
        error = {
            "error_code": "marketo_refused",
            "error_message": answer.message,
            "error_marketo_code": answer.code,
        }
        told = {"code": answer.code, "why": answer.message}
        await self._move(tx, lease, part, Move.REFUSE, at, COUNTED | error, **told)
        if answer.whole_import:
            for other in await parts.waiting_of(tx, part.import_id):
                await parts.move(tx, other, Move.ABANDON, at=at, epoch=lease.epoch, values=error, **told)

    async def _move(
        self,
        tx: AsyncConnection,
        lease: Lease,
        part: Part,
        how: Move,
        at: datetime,
        values: dict[str, Any],
        **told: object,
    ) -> None:
        await parts.move(tx, part.id, how, at=at, epoch=lease.epoch, values=values, **told)
