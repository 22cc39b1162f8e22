"""Jobs, and the only function that writes `job.state`, and with it the state of the job's parts: move().

What befalls a job is written to its parts too, in the columns of the same names: so a part can be read by itself.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, delete, exists, insert, select, union, update

from app.clock import rfc3339
from app.domain.events import EventType, Occurrence
from app.domain.incidents import CREATE
from app.domain.jobs import Job
from app.domain.lifecycle import AT_MARKETO, JOB_ENDED, OF_PARTS, TABLE, JobState, Move, job_state
from app.store import counters, events, imports, parts
from app.store.dialects import later
from app.store.job_queries import as_job
from app.store.part_rows import STANDS_IN_LINE
from app.store.parts import Stale
from app.store.tables import WAITING, import_, job, part
from app.store.transaction import ImportLock, Transaction

JOBS_AT_ONCE = 500  # that are deleted in one step
ONE_MORE = object()
COUNTED: dict[str, Any] = {job.c.attempts.name: ONE_MORE}
"""Columns for a submission that counts as an attempt. Back-pressure (1016, 1019, 606, 607, 615) does not."""
COUNTS = frozenset({"imported", "failed", "warned"})
OF_THE_WHOLE = COUNTS | {"message"}
"""Columns with what Marketo says of a job as a whole: where it has several parts, that is said of none of them."""


async def claim(tx: Transaction, part_ids: Sequence[int], *, slot: int, due_at: datetime, at: datetime) -> Job:
    """Make a job of waiting parts, of one instance and one target; the first of them leads. Errors: Stale.

    The others that may not go with it any more are left out: what was read of them before may have been changed since,
    for whoever changes an import does so under its lock. `due_at`: when the claim counts as lost.
    """
    locks = await imports.lock_all(tx, import_.c.id.in_(select(part.c.import_id).where(part.c.id.in_(part_ids))))
    waiting = select(part).where(part.c.id.in_(part_ids), part.c.state == WAITING, STANDS_IN_LINE)
    rows = (await tx.execute(waiting.where(part.c.due_at.is_(None)).order_by(part.c.turn, part.c.number))).all()
    leader = next((row for row in rows if row.id == part_ids[0]), None)
    if leader is None:
        raise Stale(f"part {part_ids[0]}: no {Move.CLAIM} from where it is")
    rows = _unblocked([row for row in rows if _may_ride(row, leader)], leader)
    import_ids = {row.import_id for row in rows}
    object_type = select(import_.c.object_type).where(import_.c.id == leader.import_id).scalar_subquery()
    values = {
        "instance": leader.instance,
        "state": JobState.SUBMITTING,
        "state_since": at,
        "slot": slot,
        "object_type": object_type,
        "parts": len(rows),
        "imports": len(import_ids),
        "rows": sum(row.rows for row in rows),
        "bytes": sum(row.bytes for row in rows),
        "attempts": max(row.attempts for row in rows),
        "due_at": due_at,
        "last_error_at": leader.last_error_at,
        "last_error_code": leader.last_error_code,
        "last_error_message": leader.last_error_message,
        "failing_since": leader.failing_since,
        "alike": leader.alike if len(rows) > 1 else None,
        "submitted_at": at,
    }
    made = (await tx.execute(insert(job).values(values).returning(*job.columns))).one()
    in_job = {"job_id": made.id, "due_at": due_at, "submitted_at": at, "batch_id": None}
    in_job |= {"bundled_with": len(import_ids) - 1, "waits_for": None, "waits_since": None}
    ids = [row.id for row in rows]
    moved = update(part).where(part.c.id.in_(ids)).values(parts.new_state(Move.CLAIM, at) | in_job)
    claimed = (await tx.execute(moved.returning(*part.columns))).all()
    locks = [lock for lock in locks if lock.import_id in import_ids]
    facts = {"slot": slot, "bundled_with": len(import_ids) - 1 or None}
    await parts.follow(tx, locks, claimed, Move.CLAIM, at=at, facts=facts)
    return as_job(made)


def _may_ride(row: Row[Any], leader: Row[Any]) -> bool:
    """Whether a part may be in the leader's job, by what holds of both now."""
    return bool(row.id == leader.id or (row.alike == leader.alike and row.priority == leader.priority))


def _unblocked(rows: Sequence[Row[Any]], leader: Row[Any]) -> list[Row[Any]]:
    """Those that wait for nobody, or for one of them, which are all in the order of acceptance."""
    kept: list[Row[Any]] = []
    ids: set[int] = set()
    for row in rows:
        if row.id == leader.id or row.waits_for is None or row.waits_for in ids:
            kept.append(row)
            ids.add(row.id)
    return kept


async def move(
    tx: Transaction,
    job_id: int,
    how: Move,
    *,
    at: datetime,
    values: Mapping[str, Any] | None = None,
    of_job: Mapping[str, Any] | None = None,
    outcomes: Mapping[int, Mapping[str, Any]] | None = None,
    beside: Mapping[str, object] | None = None,
    **facts: object,
) -> Job:
    """Make one move with a job and its parts: compare-and-set, one event for each part, their imports' sums.

    `values` are columns set along with the state, those of the parts where they have them too; `of_job` are the job's
    alone, `outcomes` those of single parts, by their ids; `facts` go into the events, `beside` into their log lines
    alone. Errors: Stale.
    """
    assert how not in OF_PARTS | {Move.CLAIM}, "those are no moves of a job"
    values = values or {}
    locks = await imports.lock_of_job(tx, job_id)
    moved = await _move_job(tx, job_id, how, at, {**values, **(of_job or {})})
    its_parts = (part.c.job_id == job_id, part.c.state.in_(TABLE[how].sources))
    changed = parts.new_state(how, at) | _for_parts(moved, values)
    rows = (await tx.execute(update(part).where(*its_parts).values(changed).returning(*part.columns))).all()
    if outcomes:
        rows = [await _with_outcome(tx, row, outcomes.get(row.id)) for row in rows]
    await parts.follow(tx, locks, rows, how, at=at, facts=facts, own_facts=outcomes, beside=beside)
    if how is Move.TURN_AWAY:  # Marketo never had it
        await tx.execute(delete(job).where(job.c.id == job_id))
    elif moved.state in JOB_ENDED:
        _count(tx, moved, how)
    return as_job(moved)


async def _move_job(tx: Transaction, job_id: int, how: Move, at: datetime, values: Mapping[str, Any]) -> Row[Any]:
    edge = TABLE[how]
    state = job_state(edge.target)
    changed = {"state": state, "state_since": at, "stuck_at": None} | _of(job, values)
    if edge.target not in AT_MARKETO:
        changed["slot"] = None
    if how is Move.RESUBMIT:  # no import leads here any more: whoever erases one could not find Marketo's words
        changed |= dict.fromkeys(("message", "last_error_at", "last_error_code", "last_error_message"))
    if state in JOB_ENDED:
        changed |= {"finished_at": at, "failing_since": None, "due_at": None}
    there = (job.c.id == job_id, job.c.state.in_(edge.sources))
    row = (await tx.execute(update(job).where(*there).values(changed).returning(*job.columns))).one_or_none()
    if row is None:
        raise Stale(f"job {job_id}: no {how} from where it is")
    return row


def _count(tx: Transaction, ended: Row[Any], how: Move) -> None:
    """Count a job that has ended, and the submissions that it saved: none where its parts go again, each alone."""
    counters.add(tx, ended.instance, counters.JOBS, ended.state)
    counters.observe_parts(tx, ended.instance, ended.parts)
    if ended.batch_id is not None and how is not Move.SEPARATE:
        counters.add(tx, ended.instance, counters.CALLS_SAVED, CREATE, ended.parts - 1)


async def _with_outcome(tx: Transaction, row: Row[Any], outcome: Mapping[str, Any] | None) -> Row[Any]:
    """A part of a job, with what became of its own rows."""
    if not outcome:
        return row
    its_own = update(part).where(part.c.id == row.id).values(outcome).returning(*part.columns)
    return (await tx.execute(its_own)).one()


async def note(tx: Transaction, job_id: int, **columns: object) -> list[ImportLock]:
    """Record what a look at Marketo taught without a move: progress, the next look. Never a state.

    The locks of its imports. Errors: Stale, where the job has ended.
    """
    assert not columns.keys() & {"state", "slot"}
    locks = await imports.lock_of_job(tx, job_id)
    there = (job.c.id == job_id, job.c.state.not_in(JOB_ENDED))
    row = (await tx.execute(update(job).where(*there).values(_of(job, columns)).returning(*job.columns))).one_or_none()
    if row is None:
        raise Stale(f"job {job_id} has ended")
    of_parts = _for_parts(row, columns)
    await tx.execute(update(part).where(part.c.job_id == job_id).values(of_parts))
    if of_parts.keys() & COUNTS:
        await imports.refresh(tx, locks, at=None)
    return locks


async def keep_trace(tx: Transaction, job_id: int, traceparent: str) -> Job | None:
    """Keep the trace context of its submission, to which all that follows belongs; None where it is not there."""
    kept = update(job).where(job.c.id == job_id).values(traceparent=traceparent).returning(*job.columns)
    row = (await tx.execute(kept)).one_or_none()
    return as_job(row) if row else None


async def hold(tx: Transaction, job_id: int, state: JobState, import_ids: Collection[int]) -> None:
    """Keep a job in its state until the commit: whoever moves it locks all its imports, and these are some of them.

    Errors: Stale, where it is in that state no more.
    """
    await imports.lock_each(tx, import_ids)
    there = select(job.c.id).where(job.c.id == job_id, job.c.state == state)
    if (await tx.execute(there)).one_or_none() is None:
        raise Stale(f"job {job_id} is not {state} any more")


async def tell(
    tx: Transaction,
    locks: Sequence[ImportLock],
    about: Job,
    type_: EventType,
    *,
    at: datetime,
    since: datetime | None = None,
    **data: object,
) -> None:
    """Tell the histories of all its imports what has befallen a job since then, without a move."""
    of_import = {lock.import_id: lock for lock in locks}
    columns = (part.c.import_id, part.c.number, part.c.client, part.c.state)
    rows = await tx.execute(select(*columns).where(part.c.job_id == about.id).order_by(part.c.turn, part.c.number))
    facts = {"since": rfc3339(since) if since else None, **data}
    lines = [
        events.Line(of_import[row.import_id], row.number, {"client": row.client, "state": row.state}, facts)
        for row in rows
    ]
    await events.append_all(tx, lines, type_, at=at)


async def tell_stuck(tx: Transaction, stuck: Job, *, at: datetime) -> None:
    """Tell the histories that a job is stuck where it is. Errors: Stale, where it is there no more."""
    locks = await imports.lock_of_job(tx, stuck.id)
    there = (job.c.id == stuck.id, job.c.state == stuck.state, job.c.state_since == stuck.state_since)
    updated = await tx.execute(update(job).where(*there).values(stuck_at=at).returning(job.c.id))
    if updated.one_or_none() is None:
        raise Stale(f"job {stuck.id} has moved")
    about: dict[str, Any] = {"batch_id": stuck.batch_id, "state": stuck.state}
    await tell(tx, locks, stuck, Occurrence.STUCK, at=at, since=stuck.state_since, **about)


async def move_times(tx: Transaction, seconds: float) -> None:
    """The clock was set: what is timed of a job that has not ended keeps as much time as it had."""
    timed = (
        *(job.c.due_at, job.c.state_since, job.c.submitted_at, job.c.started_at, job.c.silent_since),
        *(job.c.failing_since, job.c.last_error_at),
    )
    moved = {column.name: later(tx, column, seconds) for column in timed}
    await tx.execute(update(job).where(job.c.state.not_in(JOB_ENDED)).values(moved))


async def forget_words(tx: Transaction, import_id: int, *, instead: str) -> None:
    """What Marketo said in its own words about the jobs that had rows of an import; its codes stay."""
    of_it = part.c.import_id == import_id
    had_its_rows = job.c.id.in_(union(select(part.c.job_id).where(of_it), select(part.c.separated_from).where(of_it)))
    await tx.execute(update(job).where(had_its_rows).values(message=None))
    await tx.execute(
        update(job).where(had_its_rows, job.c.last_error_at.is_not(None)).values(last_error_message=instead)
    )
    await tx.execute(update(job).where(had_its_rows, job.c.error_message.is_not(None)).values(error_message=instead))


async def forget(tx: Transaction, *, finished_before: datetime) -> bool:
    """Delete some of the jobs that ended before then and have no part any more. False: there is none."""
    has_parts = exists().where(part.c.job_id == job.c.id)
    old = select(job.c.id).where(job.c.finished_at < finished_before, ~has_parts).limit(JOBS_AT_ONCE)
    return bool((await tx.execute(delete(job).where(job.c.id.in_(old)))).rowcount)


def _of(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values for which a table has a column."""
    return {
        name: table.c[name] + 1 if value is ONE_MORE else value for name, value in values.items() if name in table.c
    }


def _for_parts(of: Row[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A job's columns as its parts have them."""
    known = _of(part, values)
    return known if of.parts == 1 else {name: value for name, value in known.items() if name not in OF_THE_WHOLE}
