"""Recording what Marketo answered, however long the database is away: the answer stands nowhere else."""

from collections.abc import Awaitable, Callable
from itertools import chain, repeat

import structlog

from app.clock import ClockJumped
from app.domain.answers import Answer
from app.domain.jobs import Job
from app.domain.parts import Part
from app.domain.timeouts import INSIST_SECONDS
from app.marketo.rate_limit import Sleep
from app.store.database import AWAY, cause
from app.store.parts import Stale

log = structlog.get_logger()


async def record_with_retry(
    record: Callable[[], Awaitable[None]], job: Job, lead: Part, answer: Answer, *, sleep: Sleep
) -> None:
    """Call `record` until the database takes it, or until somebody else has moved the job.

    `lead`: the part that leads the job. The log lines name what a person needs to resolve it, where no event can.
    """
    line: dict[str, object] = {
        "instance": job.instance,
        "import_id": lead.import_id,
        "part": lead.number,
        "parts": job.parts,
    }
    line |= {"answer": type(answer).__name__, "batch_id": getattr(answer, "batch_id", None)}
    for wait in chain(INSIST_SECONDS, repeat(INSIST_SECONDS[-1])):
        try:
            await record()
        except Stale:  # the lease is lost, or recovery has called the claim lost
            log.warning("an answer came too late", **line)
            return
        except (*AWAY, ClockJumped) as away:
            log.warning("an answer cannot be recorded yet", error=cause(away), **line)
            await sleep(wait)
        except Exception:
            log.exception("an answer cannot be recorded", **line)
            raise
        else:
            return
