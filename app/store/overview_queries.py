"""What the overview reads beside the summaries of the queues. Nothing here writes, or reads all of history."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, TextClause, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.imports import ImportStatus
from app.store.tables import IS_UNFINISHED, import_, job, part

FIRST_PARTS = 3  # of a job that are named
MOST_QUEUED = 1_000  # imports that are counted for the rail


@dataclass(frozen=True, slots=True)
class PartOfJob:
    import_id: int
    number: int
    label: str | None  # its import's: the label, or else the file's name


async def parts_of_jobs(tx: AsyncConnection, job_ids: Collection[int]) -> Mapping[int, Sequence[PartOfJob]]:
    """By job: the first parts of each in the order of acceptance. Of a job with a thousand, only these are read."""
    in_job = select(part.c.id).where(part.c.job_id == job.c.id).order_by(part.c.turn, part.c.number).limit(1)
    places = [in_job.offset(place).correlate(job).scalar_subquery() for place in range(FIRST_PARTS)]
    found = (await tx.execute(select(*places).where(job.c.id.in_(job_ids)))).all() if job_ids else []
    if not found:
        return {}
    rows = await tx.execute(
        select(
            part.c.job_id,
            part.c.import_id,
            part.c.number,
            func.coalesce(import_.c.label, import_.c.file_name).label("label"),
        )
        .join(import_, import_.c.id == part.c.import_id)
        .where(part.c.id.in_([part_id for row in found for part_id in row if part_id is not None]))
        .order_by(part.c.turn, part.c.number)
    )
    result: dict[int, list[PartOfJob]] = defaultdict(list)
    for row in rows:
        result[row.job_id].append(PartOfJob(row.import_id, row.number, row.label))
    return result


async def failed_and_left(tx: AsyncConnection, *, since: datetime, client: str | None, most: int) -> list[int]:
    """The imports that failed last, since then, and were not sent again: by the index of the time at which they ended.

    Whatever else would be narrower is hidden from the database: to go by an order of ids, or by a client, it would read
    all of history.
    """
    retried, failed = import_.alias(), func.coalesce(import_.c.status, "") == ImportStatus.FAILED
    conditions = [import_.c.finished_at >= since, failed, ~exists().where(retried.c.retry_of == import_.c.id)]
    if client is not None:
        conditions.append(func.coalesce(import_.c.client, "") == client)
    rows = await tx.execute(
        select(import_.c.id).where(*conditions).order_by(import_.c.finished_at.desc(), import_.c.id.desc()).limit(most)
    )
    return sorted(rows.scalars(), reverse=True)


async def imports_of_client(tx: AsyncConnection, client: str, *, since: datetime) -> dict[ImportStatus, int]:
    """How many imports of a client are unfinished, and how many finished since then, by status."""
    counts = dict.fromkeys(ImportStatus, 0)
    status = func.coalesce(import_.c.status, "").label("status")
    of_history = (import_.c.finished_at >= since, func.coalesce(import_.c.client, "") == client)  # not by its own index
    for which, by in (((IS_UNFINISHED, import_.c.client == client), import_.c.status), (of_history, status)):
        mine = select(by, func.count().label("imports")).where(*which)
        for row in await tx.execute(mine.group_by(by)):
            counts[ImportStatus(row.status)] = row.imports
    return counts


async def queued_imports(tx: AsyncConnection, client: str | None) -> int:
    """How many imports wait for their turn, of a client or of everybody: counted among those that do.

    No further than MOST_QUEUED: every page asks this. What is under review waits for a person, and for no turn.
    """
    mine = [] if client is None else [import_.c.client == client]
    queued = await _count(tx, import_.c.status == ImportStatus.QUEUED, IS_UNFINISHED, *mine)
    return max(0, queued - await under_review(tx, client))


async def under_review(tx: AsyncConnection, client: str | None) -> int:
    """How many imports wait for a person's word: few do, and they have an index of their own."""
    mine = [] if client is None else [func.coalesce(import_.c.client, "") == client]  # not by its index
    return await _count(tx, import_.c.review_until.is_not(None), *mine)


async def _count(tx: AsyncConnection, *conditions: ColumnElement[bool] | TextClause) -> int:
    some = select(import_.c.id).where(*conditions).limit(MOST_QUEUED).subquery()
    return int((await tx.execute(select(func.count()).select_from(some))).scalar_one())
