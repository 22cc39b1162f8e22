"""What follows where Marketo turned a job away: when its parts are tried again, and who waits with them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.domain.answers import RejectionReason, TurnedAway
from app.domain.incidents import CREATE, error_of
from app.domain.instances import Instance
from app.domain.jobs import Job
from app.domain.parts import TryError
from app.domain.timeouts import DENIED_RETRY_SECONDS, RetryPolicy, after
from app.scheduling.back_off import BackOff
from app.scheduling.external_slots import ExternalSlots
from app.store import incidents, part_rows
from app.store.jobs import COUNTED
from app.store.transaction import Transaction

OF_THE_PART = frozenset({RejectionReason.QUEUE_FULL, RejectionReason.LIST_BUSY, RejectionReason.TRANSIENT})
"""Others of the instance need not wait: where Marketo said so, it takes our calls, and turned away this part."""


@dataclass(frozen=True, slots=True)
class TurnedAwayPolicy:
    retry_policy: RetryPolicy
    back_off: BackOff
    external_slots: ExternalSlots

    async def apply(
        self, tx: Transaction, instance: Instance, job: Job, answer: TurnedAway, at: datetime
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]:
        """(the columns of its parts for the next try, the facts for their events, what only their log lines have).

        Effect: in the caller's transaction, the instance waits where others have to wait, too.
        """
        error = error_of(answer, call=CREATE, at=at)
        is_of_part = answer.rejection_reason in OF_THE_PART
        # what Marketo says of a file is kept where the file is, and erased with it
        ours = replace(error, message=f"a part was turned away: {answer.rejection_reason}")
        noted = ours if is_of_part else error
        values: dict[str, Any] = {"retry_code": error.code, "due_at": None}
        match answer.rejection_reason:
            case RejectionReason.UNAVAILABLE | RejectionReason.TRANSIENT:
                due_at = self.retry_policy.retry(at, job.attempts, chance=self.back_off.chance())
                values |= COUNTED | {"due_at": due_at}
            case RejectionReason.LIST_BUSY:
                values["due_at"] = after(at, self.retry_policy.poll_max_seconds)
            case RejectionReason.QUEUE_FULL:
                await self.external_slots.observe_full(tx, instance, noted)
            case RejectionReason.DENIED:  # of this kind of record perhaps, and not of another: let others try first
                values["due_at"] = after(at, DENIED_RETRY_SECONDS)
        if is_of_part and answer.code:
            await self.back_off.clear(tx, instance, submitted=False)
        await self.back_off.begin(tx, instance.name, answer.rejection_reason, error, attempts=job.attempts)
        await incidents.note_error(tx, instance.name, noted)
        failing_since = (job.failing_since or at) if values["due_at"] else None
        values |= part_rows.tried(TryError(error.code, error.message, at), failing_since=failing_since)
        facts = {"code": answer.code, "because": answer.rejection_reason}
        return values, facts, None if is_of_part else {"call": error.call, "error": error.message}
