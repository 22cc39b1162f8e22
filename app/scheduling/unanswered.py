"""A question about a job that got no usable answer: it is kept with the job, and told once it has lasted."""

from datetime import datetime

from app.domain.answers import QueryFailed
from app.domain.events import Occurrence
from app.domain.incidents import CallError, is_to_be_told
from app.domain.jobs import Job
from app.domain.parts import TryError
from app.domain.timeouts import DENIALS
from app.store import jobs, part_rows
from app.store.transaction import Transaction


async def note_unanswered(
    tx: Transaction,
    job: Job,
    failed: QueryFailed,
    error: CallError,
    *,
    silent_since: datetime | None,
    due_at: datetime,
) -> None:
    """Keep what the question met, and tell the histories of its parts where it has lasted (NO_SILENCE).

    `due_at`: when the question is asked again.
    """
    denials, failing_since = job.denials + failed.unknown_job, job.failing_since or error.at
    tried = part_rows.tried(TryError(error.code, error.message, error.at), failing_since=failing_since)
    locks = await jobs.note(tx, job.id, silent_since=silent_since, denials=denials, due_at=due_at, **tried)
    if failed.unknown_job and denials == DENIALS:
        kind = Occurrence.UNKNOWN_AT_MARKETO
    elif denials < DENIALS and is_to_be_told(failing_since, before=job.tried_at, at=error.at):
        kind = Occurrence.UNANSWERED
    else:
        return
    facts = {"batch_id": job.batch_id, "code": error.code}
    await jobs.tell(tx, locks, job, kind, at=error.at, since=failing_since, **facts)
