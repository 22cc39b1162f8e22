"""Parts put into jobs, and moved there, straight in a database: in a service the steps of the pipeline do it."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.jobs import Job
from app.domain.lifecycle import AT_MARKETO, OF_PARTS, JobState, Move, PartState
from app.domain.parts import Part
from app.store import job_queries, jobs, part_queries, parts
from app.store.part_rows import as_part
from app.store.parts import Stale
from app.store.tables import import_, job, part
from app.store.transaction import Transaction

AT = datetime(2026, 11, 4, 12, tzinfo=UTC)


async def move(
    tx: Transaction, part_id: int, how: Move, *, at: datetime, values: dict[str, Any] | None = None, **facts: Any
) -> Part:
    """Move a part: by itself, with a new job (`values["slot"]`: which slot it takes), or with the job that it is in."""
    values = dict(values or {})
    if how in OF_PARTS:
        (moved,) = await parts.move_all(tx, [part_id], how, at=at, values=values, **facts)
        return moved
    if how is Move.CLAIM:
        await jobs.claim(tx, [part_id], slot=values.pop("slot"), due_at=at, at=at)
    else:
        found = await part_queries.get(tx, part_id)
        if found.job_id is None:
            raise Stale(f"part {part_id} is in no job")
        values.pop("slot", None)
        await jobs.move(tx, found.job_id, how, at=at, values=values, **facts)
    return await part_queries.get(tx, part_id)


async def put(tx: Transaction, part_id: int, state: str, *, slot: int = 1, **columns: Any) -> int | None:
    """Put a part into a state, whatever the moves say, and into a job of its own where it has one. The job's id."""
    row = (await tx.execute(select(part, import_.c.object_type).join(import_).where(part.c.id == part_id))).one()
    await tx.execute(update(part).where(part.c.id == part_id).values(job_id=None))
    if row.job_id is not None:
        await tx.execute(job.delete().where(job.c.id == row.job_id))
    job_id = None
    if state not in {PartState.WAITING, PartState.CANCELLED}:
        values = {
            "instance": row.instance,
            "state": JobState(state),
            "state_since": AT,
            "slot": slot if state in AT_MARKETO else None,
            "object_type": row.object_type,
            "parts": 1,
            "imports": 1,
            "rows": row.rows,
            "bytes": row.bytes,
            "attempts": row.attempts,
        }
        values |= {name: value for name, value in columns.items() if name in job.c}
        job_id = (await tx.execute(insert(job).values(values).returning(job.c.id))).scalar_one()
    await tx.execute(update(part).where(part.c.id == part_id).values(state=state, job_id=job_id, **columns))
    return job_id


async def job_of(tx: Transaction, part_id: int) -> Job:
    """The job that a part is in."""
    found = await part_queries.get(tx, part_id)
    assert found.job_id is not None
    return await job_queries.get(tx, found.job_id)


async def parts_in(tx: AsyncConnection, instance_name: str, *states: PartState) -> list[Part]:
    """An instance's parts in these states, in the order of their ids."""
    in_states = (part.c.instance == instance_name, part.c.state.in_(states))
    return [as_part(row) for row in await tx.execute(select(part).where(*in_states).order_by(part.c.id))]
