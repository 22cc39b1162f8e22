"""Which jobs there are: in a state, at Marketo, with a batch id, of an import. Nothing here writes."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.jobs import Job
from app.domain.lifecycle import SLOW_JOBS, JobState, PartState
from app.domain.parts import Part, Rows
from app.store.part_rows import as_part, failure_of, last_error_of
from app.store.tables import import_, job, part

# What every tick of a worker asks is built once: building a statement costs more than SQLite needs to answer it.
_IN_STATES = (
    select(job)
    .where(job.c.instance == bindparam("instance_name"), job.c.state.in_(bindparam("states", expanding=True)))
    .order_by(job.c.submitted_at, job.c.id)
    .limit(bindparam("most", type_=Integer))
)
_DUE_IN_STATES = _IN_STATES.where(job.c.due_at.is_(None) | (job.c.due_at <= bindparam("now", type_=job.c.due_at.type)))
_STATES_AT_MARKETO = select(job.c.state).where(job.c.instance == bindparam("instance_name"), job.c.slot.is_not(None))


async def get(tx: AsyncConnection, job_id: int) -> Job:
    return as_job((await tx.execute(select(job).where(job.c.id == job_id))).one())


async def find(tx: AsyncConnection, job_id: int) -> Job | None:
    """None where it is past its retention."""
    row = (await tx.execute(select(job).where(job.c.id == job_id))).one_or_none()
    return as_job(row) if row else None


async def parts_of(tx: AsyncConnection, job_id: int) -> list[Part]:
    """The parts that are in a job, or ended in it, in the order in which their rows stand in its file."""
    rows = await tx.execute(select(part).where(part.c.job_id == job_id).order_by(part.c.turn, part.c.number))
    return [as_part(row) for row in rows]


async def clients_of(tx: AsyncConnection, job_id: int) -> Mapping[int, str]:
    """By the id of each import with rows in a job, in the order of these ids: its client."""
    owners = select(part.c.import_id, part.c.client).where(part.c.job_id == job_id).distinct()
    return {row.import_id: row.client for row in await tx.execute(owners.order_by(part.c.import_id))}


async def trace_of(tx: AsyncConnection, job_id: int) -> tuple[str | None, Mapping[int, str | None]]:
    """(the trace context of its submission, those of the requests that made its imports, by the import's id)."""
    own = (await tx.execute(select(job.c.traceparent).where(job.c.id == job_id))).scalar_one_or_none()
    in_job = select(part.c.import_id).where(part.c.job_id == job_id)
    rows = await tx.execute(select(import_.c.id, import_.c.traceparent).where(import_.c.id.in_(in_job)))
    return own, {row.id: row.traceparent for row in rows}


async def in_states(
    tx: AsyncConnection,
    instance_name: str,
    states: Collection[JobState],
    *,
    due: datetime | None = None,
    limit: int = 1000,
) -> list[Job]:
    """Jobs in these states, in the order Marketo got them; with `due`, only those whose turn it is."""
    query = _IN_STATES if due is None else _DUE_IN_STATES
    rows = await tx.execute(query, {"instance_name": instance_name, "states": list(states), "now": due, "most": limit})
    return [as_job(row) for row in rows]


async def other_with_batch(tx: AsyncConnection, than: int, instance_name: str, batch_id: int) -> Job | None:
    """Another job of the instance that is or was this one of Marketo's."""
    conditions = (job.c.instance == instance_name, job.c.batch_id == batch_id, job.c.id != than)
    row = (await tx.execute(select(job).where(*conditions).order_by(job.c.id).limit(1))).one_or_none()
    return as_job(row) if row else None


async def page(
    tx: AsyncConnection, instance_name: str, *, state: JobState | None, before: int | None, size: int
) -> list[Job]:
    """An instance's jobs in this state, or in any, newest first, beginning behind the id `before`."""
    conditions = [job.c.instance == instance_name]
    if state is not None:
        conditions.append(job.c.state == state)
    if before is not None:
        conditions.append(job.c.id < before)
    rows = await tx.execute(select(job).where(*conditions).order_by(job.c.id.desc()).limit(size))
    return [as_job(row) for row in rows]


async def stuck_untold(tx: AsyncConnection, instance_name: str, *, since: datetime) -> list[Job]:
    """Jobs that have been in a state at Marketo since then, or longer, without the history being told."""
    there = [job.c.instance == instance_name, job.c.state.in_([JobState.QUEUED, *SLOW_JOBS])]
    untold = (job.c.stuck_at.is_(None), job.c.state_since <= since)
    rows = await tx.execute(select(job).where(*there, *untold))  # to order them here makes SQLite go through all jobs
    return sorted(map(as_job, rows), key=lambda stuck: stuck.id)


async def at_marketo(tx: AsyncConnection, instance_names: Collection[str]) -> list[Job]:
    """Whatever holds a slot of these instances, in the order Marketo got it: ten at most of each."""
    conditions = [job.c.instance.in_(instance_names), job.c.slot.is_not(None)]
    rows = await tx.execute(select(job).where(*conditions).order_by(job.c.submitted_at, job.c.id))
    return [as_job(row) for row in rows]


async def of_imports(tx: AsyncConnection, import_ids: Collection[int]) -> Mapping[int, frozenset[int]]:
    """By import: the ids of the jobs that hold a slot and have rows of it."""
    if not import_ids:
        return {}
    rows = await tx.execute(
        select(part.c.import_id, part.c.job_id)
        .join(job, job.c.id == part.c.job_id)
        .where(part.c.import_id.in_(import_ids), job.c.slot.is_not(None))
    )
    result: dict[int, set[int]] = defaultdict(set)
    for import_id, job_id in rows:
        result[import_id].add(job_id)
    return {import_id: frozenset(ids) for import_id, ids in result.items()}


async def part_ids_of(tx: AsyncConnection, job_ids: Collection[int]) -> Sequence[int]:
    if not job_ids:
        return []
    return (await tx.execute(select(part.c.id).where(part.c.job_id.in_(job_ids)))).scalars().all()


async def submitting_with(tx: AsyncConnection, part_ids: Collection[int]) -> frozenset[int]:
    """The ids of the jobs that are being submitted with one of these parts."""
    submitting = (part.c.id.in_(part_ids), part.c.state == PartState.SUBMITTING)
    return frozenset((await tx.execute(select(part.c.job_id).where(*submitting))).scalars())


async def had_unplaced(tx: AsyncConnection, instance_name: str, alike: str, *, since: datetime) -> bool:
    """Whether a job of such parts ended since then with rows in its result files that are nobody's."""
    such = (job.c.instance == instance_name, job.c.alike == alike, job.c.unplaced > 0, job.c.finished_at >= since)
    return (await tx.execute(select(job.c.id).where(*such).limit(1))).one_or_none() is not None


async def slots_in_use(tx: AsyncConnection, instance_name: str) -> set[int]:
    rows = await tx.execute(select(job.c.slot).where(job.c.instance == instance_name, job.c.slot.is_not(None)))
    return set(rows.scalars())


async def states_at_marketo(tx: AsyncConnection, instance_name: str) -> Counter[JobState]:
    """An instance's jobs that hold a slot, by state: ten at most."""
    rows = await tx.execute(_STATES_AT_MARKETO, {"instance_name": instance_name})
    return Counter(map(JobState, rows.scalars()))


def as_job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        instance=row.instance,
        state=JobState(row.state),
        state_since=row.state_since,
        object_type=row.object_type,
        parts=row.parts,
        imports=row.imports,
        rows=Rows(row.rows, row.imported, row.failed, row.warned),
        size_bytes=row.bytes,
        slot=row.slot,
        batch_id=row.batch_id,
        attempts=row.attempts,
        due_at=row.due_at,
        message=row.message,
        error=failure_of(row),
        silent_since=row.silent_since,
        denials=row.denials,
        last_error=last_error_of(row),
        failing_since=row.failing_since,
        counted=row.counted,
        results_missing=row.results_missing,
        results_late=row.results_late,
        submitted_at=row.submitted_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
