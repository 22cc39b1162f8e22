"""A question about a job that got no usable answer: it is kept with the part, and told once it has lasted."""

from datetime import datetime

from app.domain.answers import QueryFailed
from app.domain.events import Occurrence
from app.domain.incidents import CallError, is_to_be_told
from app.domain.parts import Part, TryError
from app.domain.timeouts import DENIALS
from app.store import events, part_rows, parts
from app.store.transaction import Transaction


async def note_unanswered(
    tx: Transaction,
    part: Part,
    failed: QueryFailed,
    error: CallError,
    *,
    silent_since: datetime | None,
    due_at: datetime,
) -> None:
    """Keep what the question met, and tell the part's history where it has lasted (NO_SILENCE).

    `due_at`: when the question is asked again.
    """
    denials, failing_since = part.denials + failed.unknown_job, part.failing_since or error.at
    tried = part_rows.tried(TryError(error.code, error.message, error.at), failing_since=failing_since)
    lock = await parts.note(tx, part.id, silent_since=silent_since, denials=denials, due_at=due_at, **tried)
    if failed.unknown_job and denials == DENIALS:
        kind = Occurrence.UNKNOWN_AT_MARKETO
    elif denials < DENIALS and is_to_be_told(failing_since, before=part.tried_at, at=error.at):
        kind = Occurrence.UNANSWERED
    else:
        return
    facts = {"batch_id": part.batch_id, "code": error.code}
    await events.append_of_part(tx, lock, part, kind, at=error.at, since=failing_since, **facts)
