"""Parts, and the one writer of `part.state`: move()."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.imports import Failure, Part, Rows
from app.domain.lifecycle import AT_MARKETO, FINAL, TABLE, Move, State
from app.store import events, imports
from app.store.tables import import_, instance, part, part_file, part_keys


class Stale(Exception):
    """The part is no longer where the move starts, or the worker no longer drives its instance. Do nothing."""


async def add(
    tx: AsyncConnection,
    import_id: int,
    *,
    number: int,
    first_row: int,
    rows: int,
    size_bytes: int,
    blob: bytes,
    row_numbers: bytes | None = None,
    keys: bytes | None = None,
) -> None:
    """Store a part of an import that is still being received; it has no state until the import is accepted.

    `blob`, `row_numbers` and `keys` as the files room makes them; the last two may be missing.
    """
    owner = (await tx.execute(select(import_.c.instance, import_.c.priority).where(import_.c.id == import_id))).one()
    made = await tx.execute(
        insert(part)
        .values(
            import_id=import_id,
            number=number,
            instance=owner.instance,
            priority=owner.priority,
            first_row=first_row,
            rows=rows,
            bytes=size_bytes,
        )
        .returning(part.c.id)
    )
    part_id = made.scalar_one()
    await tx.execute(insert(part_file).values(part_id=part_id, blob=blob, row_numbers=row_numbers))
    if keys is not None:
        await tx.execute(insert(part_keys).values(part_id=part_id, digests=keys))


async def release(tx: AsyncConnection, import_id: int, *, at: datetime, due_at: datetime | None) -> None:
    """Give every part of a now complete upload its first state: the one state that no move leads to."""
    await tx.execute(
        update(part)
        .where(part.c.import_id == import_id, part.c.state.is_(None))
        .values(state=State.WAITING, state_since=at, due_at=due_at)
    )


async def move(
    tx: AsyncConnection,
    part_id: int,
    how: Move,
    *,
    at: datetime,
    epoch: int | None = None,
    values: dict[Any, Any] | None = None,
    **told: object,
) -> Part:
    """Make one move: compare-and-set, one event, the import's sums, all in the caller's transaction.

    `epoch` fences: a worker gives the epoch of its lease, and nothing is written if it has lost it (FENCED).
    `values` are columns set along with the state; `told` goes into the event. Errors: Stale.
    """
    edge = TABLE[how]
    await _fence(tx, part_id, epoch)
    await imports.lock_of_part(tx, part_id)
    changed = {"state": edge.target, "state_since": at, **(values or {})}
    if edge.target not in AT_MARKETO:
        changed["slot"] = None
    if edge.target in FINAL:
        changed["finished_at"] = at
    found = (
        await tx.execute(
            update(part)
            .where(part.c.id == part_id, part.c.state.in_(edge.sources))
            .values(changed)
            .returning(*part.columns)
        )
    ).one_or_none()
    if found is None:
        raise Stale(f"part {part_id}: no {how} from where it is")
    await events.append(tx, how, at=at, instance=found.instance, import_id=found.import_id, part=found.number, **told)
    if edge.target in FINAL:  # it meets nobody any more
        await tx.execute(delete(part_keys).where(part_keys.c.part_id == part_id))
    if edge.target is State.WAITING and await imports.is_cancelled(tx, found.import_id):
        return await move(tx, part_id, Move.CANCEL, at=at)
    await imports.refresh(tx, found.import_id, at=at)
    return as_part(found)


async def note(tx: AsyncConnection, part_id: int, *, epoch: int | None = None, **columns: object) -> None:
    """Record what a look at Marketo taught without a move: progress, the next look. Never a state."""
    assert not columns.keys() & {"state", "slot"}
    await _fence(tx, part_id, epoch)
    moved = await tx.execute(
        update(part).where(part.c.id == part_id, part.c.state.not_in(FINAL)).values(columns).returning(part.c.import_id)
    )
    import_id = moved.scalar_one_or_none()
    if import_id is None:
        raise Stale(f"part {part_id} has ended")
    if columns.keys() & {"imported", "failed", "warned"}:
        await imports.refresh(tx, import_id, at=None)


async def get(tx: AsyncConnection, part_id: int) -> Part:
    return as_part((await tx.execute(select(part).where(part.c.id == part_id))).one())


async def of_import(tx: AsyncConnection, import_id: int) -> list[Part]:
    """The parts of an accepted import, in their order."""
    found = await tx.execute(
        select(part).where(part.c.import_id == import_id, part.c.state.is_not(None)).order_by(part.c.number)
    )
    return [as_part(row) for row in found]


@dataclass(frozen=True, slots=True)
class Kept:
    """A part's file as the files room made it."""

    blob: bytes
    row_numbers: bytes | None


async def kept(tx: AsyncConnection, part_id: int) -> Kept:
    found = select(part_file.c.blob, part_file.c.row_numbers).where(part_file.c.part_id == part_id)
    row = (await tx.execute(found)).one()
    return Kept(bytes(row.blob), None if row.row_numbers is None else bytes(row.row_numbers))


async def next_waiting(tx: AsyncConnection, instance_name: str, *, now: datetime) -> Part | None:
    """The waiting part whose turn it is: highest priority, then order of acceptance."""
    found = await tx.execute(
        select(part)
        .where(
            part.c.instance == instance_name,
            part.c.state == State.WAITING,
            (part.c.due_at.is_(None)) | (part.c.due_at <= now),
        )
        .order_by(part.c.priority.desc(), part.c.import_id, part.c.number)
        .limit(1)
    )
    row = found.one_or_none()
    return as_part(row) if row else None


async def in_states(
    tx: AsyncConnection,
    instance_name: str,
    states: Collection[State],
    *,
    due: datetime | None = None,
    limit: int = 1000,
) -> list[Part]:
    """Parts in these states, in the order Marketo got them; with `due`, only those whose turn it is."""
    wanted: list[ColumnElement[bool]] = [part.c.instance == instance_name, part.c.state.in_(states)]
    if due is not None:
        wanted.append((part.c.due_at.is_(None)) | (part.c.due_at <= due))
    found = await tx.execute(select(part).where(and_(*wanted)).order_by(part.c.submitted_at, part.c.id).limit(limit))
    return [as_part(row) for row in found]


async def slots_in_use(tx: AsyncConnection, instance_name: str) -> set[int]:
    found = await tx.execute(select(part.c.slot).where(part.c.instance == instance_name, part.c.slot.is_not(None)))
    return set(found.scalars())


async def rows_at_marketo(tx: AsyncConnection, instance_name: str) -> int:
    """Rows of the parts there that, as far as is known, are still to be imported."""
    left = func.coalesce(func.sum(part.c.rows - part.c.imported - part.c.failed), 0)
    found = await tx.execute(select(left).where(part.c.instance == instance_name, part.c.slot.is_not(None)))
    return int(found.scalar_one())


async def waiting_of(tx: AsyncConnection, import_id: int) -> Iterable[int]:
    found = await tx.execute(select(part.c.id).where(part.c.import_id == import_id, part.c.state == State.WAITING))
    return found.scalars().all()


async def waiting_total(tx: AsyncConnection) -> int:
    return (await tx.execute(select(func.count()).where(part.c.state == State.WAITING))).scalar_one()


async def _fence(tx: AsyncConnection, part_id: int, epoch: int | None) -> None:
    if epoch is None:
        return
    held = (
        select(instance.c.name)
        .where(
            instance.c.lease_epoch == epoch,
            exists().where(part.c.id == part_id, part.c.instance == instance.c.name),
        )
        .with_for_update(read=True)
    )
    if (await tx.execute(held)).one_or_none() is None:
        raise Stale(f"part {part_id}: the lease with epoch {epoch} is lost")


def as_part(row: Row[Any]) -> Part:
    failure = Failure(row.error_code, row.error_message, row.error_marketo_code) if row.error_code else None
    return Part(
        id=row.id,
        import_id=row.import_id,
        number=row.number,
        instance=row.instance,
        state=State(row.state),
        state_since=row.state_since,
        first_row=row.first_row,
        rows=Rows(row.rows, row.imported, row.failed, row.warned),
        size_bytes=row.bytes,
        slot=row.slot,
        batch_id=row.batch_id,
        attempts=row.attempts,
        due_at=row.due_at,
        retry_code=row.retry_code,
        message=row.message,
        error=failure,
        counted=row.counted,
        results_missing=row.results_missing,
        submitted_at=row.submitted_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
