"""Poll: ask Marketo how the head of its queue is doing. POLL_IS_NOT_FATE: no error of a question moves a part."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.answers import NoWord, Report, Status
from app.domain.imports import Part, Rows
from app.domain.lifecycle import Move, State
from app.domain.pacing import expected_seconds
from app.steps.driver import Driver
from app.steps.lease import Lease
from app.store import parts
from app.store.parts import Stale


@dataclass(frozen=True, slots=True)
class Poll:
    """Marketo's queue is first in, first out: only as many of its oldest jobs as it imports at once can have news."""

    driver: Driver

    async def run_once(self, lease: Lease) -> bool:
        """Ask about every part whose turn it is. True when one of them moved. Network: a GET each."""
        at = self.driver.now()
        async with self.driver.db.read() as tx:
            there = await parts.in_states(
                tx, lease.instance, {State.QUEUED, State.IMPORTING}, limit=self.driver.max_importing
            )
        moved = False
        for part in there:
            if part.due_at is None or part.due_at <= at:
                moved = await self._ask(lease, part) or moved
        return moved

    async def _ask(self, lease: Lease, part: Part) -> bool:
        assert part.batch_id is not None, "a part at Marketo has its number"
        standing = await self.driver.standing(part)
        word = await self.driver.marketo.status(standing.request.target, part.batch_id)
        at = self.driver.now()
        try:
            match word:
                case Report():
                    return await self._record(lease, part, word, at)
                case NoWord():
                    await self._ask_again(lease, part, word, at)
        except Stale:
            pass
        return False

    async def _record(self, lease: Lease, part: Part, report: Report, at: datetime) -> bool:
        seen = self._seen(part, report, at)
        moves = self._moves(part, report, at)
        async with self.driver.db.write() as tx:
            await self.driver.make_well(tx, lease.instance)
            if not moves:
                await parts.note(tx, part.id, epoch=lease.epoch, **seen)
            for how, values in moves:
                told = {"batch_id": part.batch_id, "message": report.message}
                await parts.move(tx, part.id, how, at=at, epoch=lease.epoch, values=seen | values, **told)
        return bool(moves)

    def _moves(self, part: Part, report: Report, at: datetime) -> list[tuple[Move, dict[str, Any]]]:
        match report.status:
            case Status.IMPORTING if part.state is State.QUEUED:
                return [(Move.START, {"started_at": at})]
            case Status.COMPLETE:
                if part.started_at:
                    self.driver.pace.observe(part.rows.total, (at - part.started_at).total_seconds())
                return [(Move.FINISH, {"due_at": None, "started_at": part.started_at or at})]
            case Status.FAILED:
                why = report.message or "Marketo ended the job as failed and did not say why."
                return [(Move.FAIL, {"error_code": "marketo_failed", "error_message": why})]
            case _:
                return []

    def _seen(self, part: Part, report: Report, at: datetime) -> dict[str, Any]:
        """The columns that a report fills: counts, message, and when to look again."""
        known = part.rows
        rows = Rows.counted(
            known.total,
            imported=known.imported if report.imported is None else report.imported,
            failed=known.failed if report.failed is None else report.failed,
            warned=known.warned if report.warned is None else report.warned,
        )
        left = expected_seconds(rows.pending, self.driver.pace.rows_per_second)
        return {
            "counted": part.counted or report.imported is not None,
            "imported": rows.imported,
            "failed": rows.failed,
            "warned": rows.warned,
            "message": report.message or part.message,
            "due_at": self.driver.patience.next_look(at, left),
        }

    async def _ask_again(self, lease: Lease, part: Part, word: NoWord, at: datetime) -> None:
        async with self.driver.db.write() as tx:
            if word.because:
                await self.driver.make_wait(tx, lease.instance, word.because, word.why)
            await parts.note(tx, part.id, epoch=lease.epoch, due_at=self.driver.patience.next_look(at))
