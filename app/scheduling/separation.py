"""Separation: where Marketo refuses or fails a job with several parts as a whole, each goes again, alone.

NO_SHARED_BLAME: no import fails for what another one in its job did. What one of them is told alone of the header or
the parameters, which all of them share, the others need not ask for again.
"""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.answers import Refused
from app.domain.jobs import Job
from app.domain.parts import Part
from app.store import job_queries, part_queries


def separated(job: Job) -> dict[str, Any]:
    """The columns of parts that go alone from now on."""
    return {"alike": None, "separated_from": job.id, "due_at": None, "retry_code": None}


async def refused_likewise(tx: AsyncConnection, refused: Part, answer: Refused) -> dict[int, list[int]]:
    """By import, the waiting parts for which the refusal of a part that went alone goes as well: they are not sent.

    Those of its own import, and those that were in one job with it and were refused for the same reason: it lies in the
    header or the parameters, which all of them share. A reason that lies in the rows of one part is never another's.
    """
    likewise: dict[int, list[int]] = {}
    if not answer.whole_import:
        return likewise
    if own := await part_queries.waiting_of(tx, refused.import_id):
        likewise[refused.import_id] = list(own)
    for part in await _separated_for(tx, refused, answer):
        if part.import_id != refused.import_id:
            likewise.setdefault(part.import_id, []).append(part.id)
    return likewise


async def _separated_for(tx: AsyncConnection, refused: Part, answer: Refused) -> list[Part]:
    """The waiting parts of the job that the part was in before, if that was refused with the same code."""
    if refused.separated_from is None or not answer.code:
        return []
    job = await job_queries.find(tx, refused.separated_from)
    if job is None or job.error is None or job.error.marketo_code != answer.code:
        return []
    return await part_queries.separated_from(tx, refused.separated_from)
