"""Parts while they wait: how they are stored, released, blocked and stopped; and what follows from any part's move.

Whoever writes `part.state` is here, but for store/jobs.py: it moves a job, and its parts with it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Update,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from app.domain.alike import alike_of
from app.domain.events import Occurrence
from app.domain.imports import Content, Request
from app.domain.lifecycle import AT_MARKETO, FINAL, LIVE, OF_PARTS, TABLE, Move, PartState
from app.domain.parts import Part, TryError
from app.domain.timeouts import REVIEW_SECONDS, after
from app.store import blobs, counters, data_keys, events, imports, sealed
from app.store.dialects import later
from app.store.imports import Accepted
from app.store.part_rows import as_part, due, tried
from app.store.tables import WAITING, part, part_file, part_keys
from app.store.transaction import ImportLock, Transaction

if TYPE_CHECKING:
    from app.encryption.sealing import DataKey

AT_ONCE = 500  # ids in one statement
NEVER = datetime.min.replace(tzinfo=UTC)
_other = part.alias()
RESET_COLUMNS: dict[str, Any] = {
    "imported": 0,
    "failed": 0,
    "warned": 0,
    "counted": False,
    "results_missing": False,
    "results_late": None,
    "unplaced": 0,
    "message": None,
    "started_at": None,
    "silent_since": None,
    "denials": 0,
    "failing_since": None,
    "job_id": None,
    "bundled_with": None,
}
"""The columns that a job fills, as they are before one: a part that goes once more has these."""


class Stale(Exception):
    """The part is no longer where the move starts. Do nothing."""


@dataclass(frozen=True, slots=True)
class NewPart:
    """A part as it is stored first: its place in the file, and its bytes as `files/` makes them."""

    number: int  # 1 is the first of its import
    first_row: int
    rows: int
    size_bytes: int  # unpacked, header included
    blob: bytes
    row_numbers: bytes | None = None  # None: its rows follow each other
    keys: bytes | None = None  # None: nobody knows them
    has_deferred_rows: bool = False
    header: bytes = b""  # with its line end


async def add(
    tx: Transaction,
    import_id: int,
    request: Request,
    new: NewPart,
) -> None:
    """Store a part of an import that is still being received; it has no state until the import is accepted.

    `request` is the one that the import was begun with.
    """
    made = await tx.execute(insert(part).returning(part.c.id), {"import_id": import_id} | columns_of(request, new))
    part_id = made.scalar_one()
    key = (await data_keys.get_or_add(tx, [import_id], Content.FILE)).get(import_id)
    await tx.execute(insert(part_file), {"part_id": part_id} | await file_of(new, import_id, key))
    if keys := await keys_of(new, import_id, key):
        await tx.execute(insert(part_keys), {"part_id": part_id} | keys)


def columns_of(request: Request, new: NewPart) -> dict[str, Any]:
    """The columns of a part that is stored; the import's id and the part's state are not among them."""
    return {
        "number": new.number,
        "instance": request.instance,
        "priority": request.priority,
        "client": request.client,
        "first_row": new.first_row,
        "rows": new.rows,
        "bytes": new.size_bytes,
        "space": request.target.record_kind,
        "key_fields": request.target.key_fields,
        "list_id": request.target.busy_list_id,
        "aside": new.has_deferred_rows,
        "alike": alike_of(request, new.header) if new.header else None,
        "header_bytes": len(new.header),
    }


async def file_of(new: NewPart, import_id: int, key: "DataKey | None") -> dict[str, Any]:
    """The columns of a part's file. `key`: to seal it by; None: it is stored in the clear."""
    blob = await sealed.seal(key, new.blob, sealed.part_file_of(import_id, new.number)) if key else new.blob
    checksum = await blobs.checksum(blob, new.row_numbers)
    columns = {"blob": blob, "row_numbers": new.row_numbers, "checksum": checksum}
    return columns | {"sealed": True} if key else columns


async def keys_of(new: NewPart, import_id: int, key: "DataKey | None") -> dict[str, Any]:
    """The columns of a part's record keys; none where nobody knows them. `key`: as for its file."""
    if new.keys is None:
        return {}
    digests = await sealed.seal(key, new.keys, sealed.record_keys_of(import_id, new.number)) if key else new.keys
    columns = {"digests": digests, "checksum": await blobs.checksum(digests)}
    return columns | {"sealed": True} if key else columns


async def release(tx: Transaction, accepted: Accepted, *, at: datetime, due_at: datetime | None = None) -> None:
    """Give every part of a now complete upload its place in the order of acceptance, and its first state.

    No move leads to that state. An import under review has no place yet: line_up() gives it.
    """
    await tx.execute(
        update(part)
        .where(part.c.import_id == accepted.lock.import_id, part.c.state.is_(None))
        .values(state=PartState.WAITING, turn=accepted.accepted_seq, state_since=at, due_at=due_at)
    )


async def line_up(
    tx: Transaction, lock: ImportLock, *, accepted_seq: int, due_at: datetime | None, at: datetime
) -> None:
    """Give the waiting parts of an import that was under review their place: from now on they may go."""
    await tx.execute(
        update(part)
        .where(part.c.import_id == lock.import_id, part.c.state == WAITING)
        .values(turn=accepted_seq, state_since=at, due_at=due_at)
    )


async def move_all(
    tx: Transaction,
    part_ids: Sequence[int],
    how: Move,
    *,
    at: datetime,
    values: dict[Any, Any] | None = None,
    **facts: object,
) -> list[Part]:
    """Make one move with waiting parts of one import: compare-and-set, one event for each, the import's sums.

    `values` are columns set along with the state; `facts` go into the events. Errors: Stale, where one cannot make it.
    """
    assert how in OF_PARTS, "the other moves are those of a job"
    if not part_ids:
        return []
    lock = await imports.lock_of_part(tx, part_ids[0])
    changed = new_state(how, at) | (values or {})
    rows: list[Row[Any]] = []
    for ids in (part_ids[n : n + AT_ONCE] for n in range(0, len(part_ids), AT_ONCE)):
        waiting = (part.c.id.in_(ids), part.c.state.in_(TABLE[how].sources))
        rows += (await tx.execute(update(part).where(*waiting).values(changed).returning(*part.columns))).all()
    if len(rows) < len(part_ids):
        raise Stale(f"parts {set(part_ids) - {row.id for row in rows}}: no {how} from where they are")
    return await follow(tx, [lock], rows, how, at=at, facts=facts)


def new_state(how: Move, at: datetime) -> dict[str, Any]:
    """The columns of a part that makes a move."""
    target = TABLE[how].target
    changed = {"state": target, "state_since": at, "stuck_at": None}
    if target in FINAL:
        changed |= {"finished_at": at, "failing_since": None}
    if target is PartState.WAITING:
        changed |= RESET_COLUMNS
    return changed


async def follow(
    tx: Transaction,
    locks: Sequence[ImportLock],
    moved: Sequence[Row[Any]],
    how: Move,
    *,
    at: datetime,
    facts: Mapping[str, object],
    own_facts: Mapping[int, Mapping[str, object]] | None = None,
    beside: Mapping[str, object] | None = None,
) -> list[Part]:
    """What follows from a move that parts have made: events, counters, who is unblocked, the sums of their imports.

    `locks`: of all their imports. `facts`: what the events say; `own_facts`: what those of single parts say, by their
    ids; `beside`: what their log lines say besides. A part that comes back to an import that was cancelled meanwhile
    is cancelled; to one that was put off meanwhile, it waits until then.
    """
    of_import = {lock.import_id: lock for lock in locks}
    moved = sorted(moved, key=lambda row: (row.turn or 0, row.number))
    lines = [
        events.Line(
            of_import[row.import_id],
            row.number,
            beside={"state": row.state, "batch_id": row.batch_id, "client": row.client}
            | {"request_id": of_import[row.import_id].request_id, **(beside or {})},
            data={**(own_facts or {}).get(row.id, {}), **facts},
        )
        for row in moved
    ]
    await events.append_all(tx, lines, how, at=at)
    for row in moved:
        _count(tx, row, how)
    await _unblock_others(tx, moved)
    if how is Move.SEPARATE:
        moved = await _hold_back_again(tx, moved, at)
    stopped: dict[int, list[int]] = defaultdict(list)
    if TABLE[how].target is PartState.WAITING:
        moved = await _put_off_again(tx, moved, at)
        cancelled = await imports.cancelled_among(tx, of_import)
        for row in moved:
            if row.import_id in cancelled:
                stopped[row.import_id].append(row.id)
    stopped_parts = [part for ids in stopped.values() for part in await move_all(tx, ids, Move.CANCEL, at=at)]
    await imports.refresh(tx, [lock for lock in locks if lock.import_id not in stopped], at=at)
    return stopped_parts + [as_part(row) for row in moved if row.import_id not in stopped]


async def _hold_back_again(tx: Transaction, moved: Sequence[Row[Any]], at: datetime) -> Sequence[Row[Any]]:
    """Those that came back, without a place where they were sent before their import was restored from a back-up.

    What was done about them between the back-up and its restoration is not known: they may have gone again already.
    """
    restored_at = await events.last_of(tx, {row.import_id for row in moved}, Occurrence.RESTORED)
    ids = [row.id for row in moved if row.submitted_at <= restored_at.get(row.import_id, NEVER)]
    if not ids:
        return moved
    await imports.put_under_review(
        tx, {row.import_id for row in moved if row.id in ids}, until=after(at, REVIEW_SECONDS)
    )
    held = update(part).where(part.c.id.in_(ids)).values(turn=None).returning(*part.columns)
    held_rows = {row.id: row for row in await tx.execute(held)}
    return [held_rows.get(row.id, row) for row in moved]


async def _put_off_again(tx: Transaction, moved: Sequence[Row[Any]], at: datetime) -> Sequence[Row[Any]]:
    """Those that came back; they wait until the time that their import names, where that is still to come."""
    put_off = await imports.not_before(tx, {row.import_id for row in moved}, later_than=at)
    later_rows: dict[int, Row[Any]] = {}
    for import_id, until in put_off.items():
        ids = [row.id for row in moved if row.import_id == import_id]
        waiting = update(part).where(part.c.id.in_(ids)).values(due_at=until, retry_code=None)
        later_rows |= {row.id: row for row in await tx.execute(waiting.returning(*part.columns))}
    return [later_rows.get(row.id, row) for row in moved]


async def _unblock_others(tx: Transaction, moved: Sequence[Row[Any]]) -> None:
    """Unblock the parts that waited for these ones, which block nobody any more."""
    state, instance = moved[0].state, moved[0].instance
    for chunk in (moved[at : at + AT_ONCE] for at in range(0, len(moved), AT_ONCE)):
        ids = [row.id for row in chunk]
        if state not in LIVE:  # they meet nobody any more
            await unblock(tx, part.c.instance == instance, part.c.waits_for.in_(ids))
            await tx.execute(delete(part_keys).where(part_keys.c.part_id.in_(ids)))
        if state == PartState.WAITING:  # they go behind those that were accepted before them, whoever waited for whom
            is_before = tuple_(part.c.turn, part.c.number) < tuple_(_other.c.turn, _other.c.number)
            behind = exists().where(_other.c.id == part.c.waits_for, is_before)
            await unblock(tx, part.c.instance == instance, part.c.waits_for.in_(ids), behind)


def _count(tx: Transaction, moved: Row[Any], how: Move) -> None:
    counters.add(tx, moved.instance, counters.MOVES, how)
    if moved.state in FINAL:
        unprocessed = moved.rows - moved.imported - moved.failed
        for outcome, rows in (("imported", moved.imported), ("failed", moved.failed), ("unprocessed", unprocessed)):
            counters.add(tx, moved.instance, counters.ROWS, outcome, rows)
        counters.add(tx, moved.instance, counters.ROWS, "warned", moved.warned)


async def unblock(tx: Transaction, *conditions: ColumnElement[bool]) -> None:
    """Let nothing block these parts, until they are checked anew. They are locked in the order of their ids, always."""
    await tx.execute(_unblocking(*conditions))


def _unblocking(*conditions: ColumnElement[bool]) -> Update:
    locking = select(part.c.id).where(*conditions).order_by(part.c.id).with_for_update()
    return update(part).where(part.c.id.in_(locking)).values(waits_for=None, waits_since=None)


async def put_off(tx: Transaction, lock: ImportLock, until: datetime | None, *, at: datetime) -> None:
    """Let an import's waiting parts go at this time and not before; None, or a time that is over: at their turn.

    A part that is put off goes before nobody until then, so what waits for it is set free.
    """
    locking = select(part.c.id).where(part.c.import_id == lock.import_id, part.c.state == WAITING)
    ids = list((await tx.execute(locking.order_by(part.c.id).with_for_update())).scalars())
    for chunk in (ids[n : n + AT_ONCE] for n in range(0, len(ids), AT_ONCE)):
        if until is not None and until > at:
            await tx.execute(update(part).where(part.c.id.in_(chunk)).values(due_at=until, retry_code=None))
            await unblock(tx, part.c.instance == lock.instance, part.c.waits_for.in_(chunk))
        else:  # what waits to be tried again has a time of its own
            not_tried = (part.c.id.in_(chunk), part.c.retry_code.is_(None))
            await tx.execute(update(part).where(*not_tried).values(due_at=None))


async def hold_back(tx: Transaction, import_ids: Collection[int], instance_name: str, why: TryError) -> None:
    """Take their place from the waiting parts of these imports, as of one that is under review.

    They go before nobody then, so what waits for them is set free.
    """
    held: dict[str, Any] = {"turn": None, "waits_for": None, "waits_since": None, "due_at": None, "retry_code": None}
    held |= tried(why, failing_since=None)
    locking = select(part.c.id).where(part.c.import_id.in_(import_ids), part.c.state == WAITING)
    ids = (await tx.execute(locking.order_by(part.c.id).with_for_update())).scalars().all()
    for chunk in (ids[n : n + AT_ONCE] for n in range(0, len(ids), AT_ONCE)):
        await tx.execute(update(part).where(part.c.id.in_(chunk)).values(held))
        await unblock(tx, part.c.instance == instance_name, part.c.waits_for.in_(chunk))


async def set_apart(tx: Transaction, import_ids: Collection[int]) -> None:
    """These imports have another policy now, by which parts have to be alike: theirs go with each other only."""
    locking = select(part.c.id).where(part.c.import_id.in_(import_ids), part.c.state.in_(LIVE))
    apart = literal("r").concat(func.substr(part.c.alike, 2))  # as no digest begins
    which = part.c.id.in_(locking.order_by(part.c.id).with_for_update())
    await tx.execute(update(part).where(which).values(alike=apart))


async def set_priority(tx: Transaction, lock: ImportLock, priority: int) -> None:
    """That of an import's parts which wait, and of those that may come back."""
    there = (part.c.import_id == lock.import_id, part.c.state.in_(LIVE))
    locking = select(part.c.id).where(*there).order_by(part.c.id).with_for_update()
    await tx.execute(update(part).where(part.c.id.in_(locking)).values(priority=priority))


_under_way = exists().where(_other.c.id == part.c.waits_for, _other.c.state.in_(LIVE))
_UNBLOCK_FROM_ENDED = _unblocking(
    part.c.instance == bindparam("instance_name"), part.c.waits_for.is_not(None), ~_under_way
)


async def unblock_from_ended(tx: Transaction, instance_name: str) -> None:
    """Whoever waits for a part that is no longer under way: nobody should, but no part may wait for ever."""
    await tx.execute(_UNBLOCK_FROM_ENDED, {"instance_name": instance_name})


async def forget_words(tx: Transaction, import_id: int, *, instead: str) -> None:
    """What Marketo said about an import's parts in its own words; its codes stay."""
    of_it = part.c.import_id == import_id
    await tx.execute(update(part).where(of_it).values(message=None))
    await tx.execute(update(part).where(of_it, part.c.last_error_at.is_not(None)).values(last_error_message=instead))
    await tx.execute(update(part).where(of_it, part.c.error_message.is_not(None)).values(error_message=instead))


async def move_times(tx: Transaction, seconds: float) -> None:
    """The clock was set: what is timed keeps as much time as it had. The time that `not_before` names stays."""
    tried = (part.c.failing_since, part.c.last_error_at)
    there = (part.c.due_at, part.c.state_since, part.c.submitted_at, part.c.started_at, part.c.silent_since, *tried)
    at_work = part.c.state.in_([*AT_MARKETO, PartState.COLLECTING])
    await tx.execute(update(part).where(at_work).values({column.name: later(tx, column, seconds) for column in there}))
    turned_away = and_(part.c.state == PartState.WAITING, part.c.retry_code.is_not(None))
    put_off = (part.c.due_at, *tried)
    await tx.execute(
        update(part).where(turned_away).values({column.name: later(tx, column, seconds) for column in put_off})
    )
    blocked = and_(part.c.state == PartState.WAITING, part.c.waits_since.is_not(None))
    await tx.execute(update(part).where(blocked).values(waits_since=later(tx, part.c.waits_since, seconds)))


async def make_due(tx: Transaction, instance_name: str, *, now: datetime) -> None:
    """Let waiting parts whose time has come stand in line."""
    await tx.execute(update(part).where(due(instance_name, now)).values(due_at=None))


async def try_again(tx: Transaction, instance_name: str) -> None:
    """Let waiting parts that were turned away go as soon as their turn comes; not those that are not to go yet."""
    put_off = (part.c.instance == instance_name, part.c.state == WAITING, part.c.due_at.is_not(None))
    locking = select(part.c.id).where(*put_off, part.c.retry_code.is_not(None)).order_by(part.c.id).with_for_update()
    await tx.execute(update(part).where(part.c.id.in_(locking)).values(due_at=None))


async def set_blocked(tx: Transaction, part_id: int, *, by: int, at: datetime) -> None:
    """A waiting part touches what another, which is still under way, touches too. Nothing if that one has ended."""
    # held until we commit: whoever ends it sees who waits
    under_way = select(part.c.id).where(part.c.id == by, part.c.state.in_(LIVE)).with_for_update(read=True)
    if (await tx.execute(under_way)).one_or_none() is not None:
        waits = {"waits_for": by, "waits_since": at}
        await tx.execute(update(part).where(part.c.id == part_id, part.c.state == WAITING).values(waits))
