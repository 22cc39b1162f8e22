"""Result files that are asked for again: when, and what the histories of its parts and the instance are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.clock import Clock
from app.domain.events import Occurrence
from app.domain.incidents import is_to_be_told
from app.domain.jobs import Job
from app.domain.parts import TryError
from app.domain.timeouts import RetryPolicy
from app.results.fetched import OF_THE_FILE, LateFile
from app.scheduling.back_off import BackOff
from app.store import incidents, jobs, part_rows
from app.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class LateFiles:
    back_off: BackOff
    retry_policy: RetryPolicy
    now: Clock

    async def put_off(self, tx: Transaction, job: Job, late: Sequence[LateFile]) -> None:
        """Ask later; and let the whole instance wait where that is what Marketo said. NO_SILENCE: it is told here.

        What came in a file's place is told at once, and again where it changes; all else once it has lasted.
        Effect: in the caller's transaction, which holds the instance's row.
        """
        at = self.now()
        failing_since = job.failing_since or at
        for file in late:
            error = file.error(at)
            if error.code not in OF_THE_FILE:
                await incidents.note_error(tx, job.instance, error)
            if file.failed.rejection_reason:
                await self.back_off.begin(tx, job.instance, file.failed.rejection_reason, error)
        file = next((file for file in late if file.is_of_the_part), late[0])
        error = file.error(at)
        values = part_rows.tried(TryError(error.code, error.message, at), failing_since=failing_since)
        values["due_at"] = self.retry_policy.look_again(at, job.state_since)
        if file.is_of_the_part:
            values["results_late"] = str(file)
        locks = await jobs.note(tx, job.id, **values)
        is_news = file.is_told_at_once and str(file) != job.results_late
        has_lasted = not file.is_told_at_once and is_to_be_told(failing_since, before=job.tried_at, at=at)
        if is_news or has_lasted:
            facts: dict[str, Any] = {"batch_id": job.batch_id, "file": file.file, "because": file.unusable}
            facts["code"] = error.code
            kind = Occurrence.RESULTS_LATE
            await jobs.tell(tx, locks, job, kind, at=at, since=failing_since, **facts)
