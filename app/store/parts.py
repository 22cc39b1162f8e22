"""Parts, and the one writer of `part.state`: move(). The first state, to which no move leads, is release()'s."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.events import Occurrence
from app.domain.imports import Request
from app.domain.lifecycle import AT_MARKETO, FINAL, LIVE, SLOW, TABLE, Move, State
from app.domain.parts import ConflictScope, Failure, Part, Rows, TryError
from app.store import blobs, counters, events, imports
from app.store.blobs import Corrupt
from app.store.dialects import later
from app.store.imports import Accepted
from app.store.tables import WAITING, part, part_file, part_keys
from app.store.transaction import ImportLock, Transaction

COUNTED: dict[str, Any] = {part.c.attempts.name: part.c.attempts + 1}
"""Columns for a submission that counts as an attempt. Back-pressure (1016, 1019, 606, 607, 615) does not."""

AT_ONCE = 500  # ids in one statement
UNTOLD: dict[str, Any] = {
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
}
"""What Marketo had told of a job; nothing is left of it in a part that is to go once more."""


class Stale(Exception):
    """The part is no longer where the move starts. Do nothing."""


async def add(
    tx: Transaction,
    import_id: int,
    request: Request,
    *,
    number: int,
    first_row: int,
    rows: int,
    size_bytes: int,
    blob: bytes,
    row_numbers: bytes | None = None,
    keys: bytes | None = None,
    aside: bool = False,
) -> None:
    """Store a part of an import that is still being received; it has no state until the import is accepted.

    `request` is the one that the import was begun with; `blob`, `row_numbers` and `keys` are as the files room makes
    them, the last two may be missing.
    """
    made = await tx.execute(
        insert(part).returning(part.c.id),
        {
            "import_id": import_id,
            "number": number,
            "instance": request.instance,
            "priority": request.priority,
            "client": request.client,
            "first_row": first_row,
            "rows": rows,
            "bytes": size_bytes,
            "space": request.target.record_kind,
            "key_fields": request.target.key_fields,
            "list_id": request.target.busy_list_id,
            "aside": aside,
        },
    )
    part_id = made.scalar_one()
    file = {"blob": blob, "row_numbers": row_numbers, "checksum": await blobs.checksum(blob, row_numbers)}
    await tx.execute(insert(part_file), {"part_id": part_id} | file)
    if keys is not None:
        summed = await blobs.checksum(keys)
        await tx.execute(insert(part_keys), {"part_id": part_id, "digests": keys, "checksum": summed})


async def release(tx: Transaction, accepted: Accepted, *, at: datetime, due_at: datetime | None = None) -> None:
    """Give every part of a now complete upload its place in the order of acceptance, and its first state.

    No move leads to that state: this is the only other place where a state is written.
    """
    await tx.execute(
        update(part)
        .where(part.c.import_id == accepted.lock.import_id, part.c.state.is_(None))
        .values(state=State.WAITING, turn=accepted.accepted_seq, state_since=at, due_at=due_at)
    )


async def move(
    tx: Transaction,
    part_id: int,
    how: Move,
    *,
    at: datetime,
    values: dict[Any, Any] | None = None,
    beside: Mapping[str, object] | None = None,
    **told: object,
) -> Part:
    """Make one move: compare-and-set, one event, the import's sums, all in the caller's transaction.

    `values` are columns set along with the state; `told` goes into the event, `beside` into its log line alone.
    Errors: Stale.
    """
    (moved,) = await move_all(tx, [part_id], how, at=at, values=values, beside=beside, **told)
    return moved


async def move_all(
    tx: Transaction,
    part_ids: Sequence[int],
    how: Move,
    *,
    at: datetime,
    values: dict[Any, Any] | None = None,
    beside: Mapping[str, object] | None = None,
    **told: object,
) -> list[Part]:
    """The same move for parts of one import, whose sums are taken once. Errors: Stale, where one cannot make it."""
    if not part_ids:
        return []
    lock = await imports.lock_of_part(tx, part_ids[0])
    told_of = partial(_moved, tx, lock, how=how, at=at, values=values, told=told, beside=beside or {})
    moved = [await told_of(part_id) for part_id in part_ids]
    await _make_way(tx, moved)
    if TABLE[how].target is State.WAITING and await imports.is_cancelled(tx, lock.import_id):
        return await move_all(tx, part_ids, Move.CANCEL, at=at)
    await imports.refresh(tx, lock, at=at)
    return [as_part(row) for row in moved]


async def _moved(
    tx: Transaction,
    lock: ImportLock,
    part_id: int,
    *,
    how: Move,
    at: datetime,
    values: dict[Any, Any] | None,
    told: Mapping[str, object],
    beside: Mapping[str, object],
) -> Row[Any]:
    edge = TABLE[how]
    changed = {"state": edge.target, "state_since": at, "stuck_at": None, **(values or {})}
    if edge.target not in AT_MARKETO:
        changed["slot"] = None
    if edge.target in FINAL:
        changed |= {"finished_at": at, "failing_since": None}
    if edge.target is State.WAITING:
        changed = UNTOLD | changed
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
    about = {"state": found.state, "batch_id": found.batch_id, "client": found.client, "request_id": lock.request_id}
    about |= beside
    await events.append_of(tx, lock, how, at=at, part=found.number, beside=about, **told)
    _count(tx, found, how)
    return found


async def _make_way(tx: Transaction, moved: Sequence[Row[Any]]) -> None:
    """Set free whoever waited for these parts, which stand in nobody's way any more."""
    state, instance = moved[0].state, moved[0].instance
    for some in (moved[at : at + AT_ONCE] for at in range(0, len(moved), AT_ONCE)):
        ids = [row.id for row in some]
        if state not in LIVE:  # it meets nobody any more
            await _set_free(tx, part.c.instance == instance, part.c.waits_for.in_(ids))
            await tx.execute(delete(part_keys).where(part_keys.c.part_id.in_(ids)))
    if state == State.WAITING:  # it goes behind those that were accepted before it, whoever waited for whom
        for row in moved:
            behind = tuple_(part.c.turn, part.c.number) < tuple_(row.turn, row.number)
            await _set_free(tx, part.c.instance == instance, part.c.waits_for == row.id, behind)


def _count(tx: Transaction, moved: Row[Any], how: Move) -> None:
    counters.add(tx, moved.instance, counters.MOVES, how)
    if moved.state in FINAL:
        unprocessed = moved.rows - moved.imported - moved.failed
        for outcome, rows in (("imported", moved.imported), ("failed", moved.failed), ("unprocessed", unprocessed)):
            counters.add(tx, moved.instance, counters.ROWS, outcome, rows)
        counters.add(tx, moved.instance, counters.ROWS, "warned", moved.warned)


async def _set_free(tx: Transaction, *whom: ColumnElement[bool]) -> None:
    """Let parts wait for nobody, until they are judged anew. In the order of their ids, as all that lock several."""
    held = select(part.c.id).where(*whom).order_by(part.c.id).with_for_update()
    await tx.execute(update(part).where(part.c.id.in_(held)).values(waits_for=None, waits_since=None))


async def set_free_of_the_ended(tx: Transaction, instance_name: str) -> None:
    """Whoever waits for a part that is no longer under way: nobody should, but no part may wait for ever."""
    other = part.alias()
    under_way = exists().where(other.c.id == part.c.waits_for, other.c.state.in_(LIVE))
    await _set_free(tx, part.c.instance == instance_name, part.c.waits_for.is_not(None), ~under_way)


async def note(tx: Transaction, part_id: int, **columns: object) -> ImportLock:
    """Record what a look at Marketo taught without a move: progress, the next look. Never a state.

    The lock of its import. Errors: Stale, where the part has ended.
    """
    assert not columns.keys() & {"state", "slot"}
    lock = await imports.lock_of_part(tx, part_id)
    moved = await tx.execute(
        update(part).where(part.c.id == part_id, part.c.state.not_in(FINAL)).values(columns).returning(part.c.import_id)
    )
    if moved.scalar_one_or_none() is None:
        raise Stale(f"part {part_id} has ended")
    if columns.keys() & {"imported", "failed", "warned"}:
        await imports.refresh(tx, lock, at=None)
    return lock


async def get(tx: AsyncConnection, part_id: int) -> Part:
    return as_part((await tx.execute(select(part).where(part.c.id == part_id))).one())


async def of_import(tx: AsyncConnection, import_id: int) -> list[Part]:
    """The parts of an accepted import, in their order."""
    found = await tx.execute(
        select(part).where(part.c.import_id == import_id, part.c.state.is_not(None)).order_by(part.c.number)
    )
    return [as_part(row) for row in found]


@dataclass(frozen=True, slots=True)
class BlockedBy:
    """A part that touches the same records as a waiting one, and goes first."""

    import_id: int
    number: int
    client: str


async def blockers(tx: AsyncConnection, waiting: Sequence[Part]) -> Mapping[int, BlockedBy]:
    """By the id of the part that is waited for."""
    ids = sorted({part.blocked_by for part in waiting if part.blocked_by is not None})
    found: dict[int, BlockedBy] = {}
    for some in (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE)):
        columns = (part.c.id, part.c.import_id, part.c.number, part.c.client)
        rows = await tx.execute(select(*columns).where(part.c.id.in_(some)))
        found |= {row.id: BlockedBy(row.import_id, row.number, row.client) for row in rows}
    return found


async def imports_behind(tx: AsyncConnection, instance_name: str, ids: Collection[int]) -> frozenset[int]:
    """The imports of which a part waits for one of these parts, or for one that does."""
    one, other = part.alias(), part.alias()
    first = select(one.c.id, one.c.import_id).where(one.c.instance == instance_name, one.c.waits_for.in_(ids))
    behind = first.cte("behind", recursive=True)
    next_ = select(other.c.id, other.c.import_id).where(
        other.c.instance == instance_name, other.c.waits_for == behind.c.id
    )
    behind = behind.union(next_)
    return frozenset((await tx.execute(select(behind.c.import_id).distinct())).scalars())


async def other_with_batch(tx: AsyncConnection, than: Part, batch_id: int) -> Part | None:
    """Another part of the instance that is or was this job of Marketo's."""
    wanted = (part.c.instance == than.instance, part.c.batch_id == batch_id, part.c.id != than.id)
    found = await tx.execute(select(part).where(*wanted).order_by(part.c.id).limit(1))
    row = found.one_or_none()
    return as_part(row) if row else None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A part's file as the files room made it, and checked."""

    blob: bytes
    row_numbers: bytes | None


async def load_file(tx: AsyncConnection, part_id: int) -> StoredFile | None:
    """None once its rows are erased. Errors: Corrupt."""
    row = (await tx.execute(select(part_file).where(part_file.c.part_id == part_id))).one_or_none()
    if row is None:
        return None
    if not await blobs.is_whole(row.checksum, row.blob, row.row_numbers):
        raise Corrupt(f"the file of part {part_id} is not what was stored")
    return StoredFile(bytes(row.blob), None if row.row_numbers is None else bytes(row.row_numbers))


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
    at_work = part.c.state.in_([*AT_MARKETO, State.COLLECTING])
    await tx.execute(update(part).where(at_work).values({one.name: later(tx, one, seconds) for one in there}))
    turned_away = and_(part.c.state == State.WAITING, part.c.retry_code.is_not(None))
    put_off = (part.c.due_at, *tried)
    await tx.execute(update(part).where(turned_away).values({one.name: later(tx, one, seconds) for one in put_off}))
    blocked = and_(part.c.state == State.WAITING, part.c.waits_since.is_not(None))
    await tx.execute(update(part).where(blocked).values(waits_since=later(tx, part.c.waits_since, seconds)))


async def make_due(tx: Transaction, instance_name: str, *, now: datetime) -> None:
    """Let waiting parts whose time has come stand in line."""
    await tx.execute(update(part).where(due(instance_name, now)).values(due_at=None))


async def try_again(tx: Transaction, instance_name: str) -> None:
    """Let waiting parts that were turned away go as soon as their turn comes; not those that are not to go yet."""
    put_off = (part.c.instance == instance_name, part.c.state == WAITING, part.c.due_at.is_not(None))
    held = select(part.c.id).where(*put_off, part.c.retry_code.is_not(None)).order_by(part.c.id).with_for_update()
    await tx.execute(update(part).where(part.c.id.in_(held)).values(due_at=None))


async def set_blocked(tx: Transaction, part_id: int, *, by: int, at: datetime) -> None:
    """A waiting part touches what another, which is still under way, touches too. Nothing if that one has ended."""
    # held until we commit: whoever ends it sees who waits
    under_way = select(part.c.id).where(part.c.id == by, part.c.state.in_(LIVE)).with_for_update(read=True)
    if (await tx.execute(under_way)).one_or_none() is not None:
        waits = {"waits_for": by, "waits_since": at}
        await tx.execute(update(part).where(part.c.id == part_id, part.c.state == WAITING).values(waits))


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


async def stuck_untold(tx: AsyncConnection, instance_name: str, *, since: datetime) -> list[Part]:
    """Parts that have been in a state at Marketo since then, or longer, without the history being told."""
    wanted = [part.c.instance == instance_name, part.c.state.in_([State.QUEUED, *SLOW]), part.c.stuck_at.is_(None)]
    found = await tx.execute(select(part).where(*wanted, part.c.state_since <= since).order_by(part.c.id))
    return [as_part(row) for row in found]


async def tell_stuck(tx: Transaction, stuck: Part, *, at: datetime) -> None:
    """Tell the history that a part is stuck where it is. Errors: Stale, where it is there no more."""
    lock = await imports.lock_of_part(tx, stuck.id)
    there = (part.c.id == stuck.id, part.c.state == stuck.state, part.c.state_since == stuck.state_since)
    told = await tx.execute(update(part).where(*there).values(stuck_at=at).returning(part.c.id))
    if told.one_or_none() is None:
        raise Stale(f"part {stuck.id} has moved")
    about: dict[str, Any] = {"batch_id": stuck.batch_id, "state": stuck.state}
    await events.append_of_part(tx, lock, stuck, Occurrence.STUCK, at=at, since=stuck.state_since or at, **about)


async def failing_since(tx: AsyncConnection, instance_name: str, *, before: datetime) -> list[int]:
    """The ids of parts whose tries have all failed since a time before that."""
    found = await tx.execute(
        select(part.c.id).where(part.c.instance == instance_name, part.c.failing_since < before).order_by(part.c.id)
    )
    return list(found.scalars())


async def at_marketo(tx: AsyncConnection, instance_names: Collection[str]) -> list[Part]:
    """Whatever holds a slot of these instances, in the order Marketo got it: ten at most of each."""
    wanted = [part.c.instance.in_(instance_names), part.c.slot.is_not(None)]
    found = await tx.execute(select(part).where(*wanted).order_by(part.c.submitted_at, part.c.id))
    return [as_part(row) for row in found]


async def slots_in_use(tx: AsyncConnection, instance_name: str) -> set[int]:
    found = await tx.execute(select(part.c.slot).where(part.c.instance == instance_name, part.c.slot.is_not(None)))
    return set(found.scalars())


async def states_at_marketo(tx: AsyncConnection, instance_name: str) -> Counter[State]:
    """An instance's parts that hold a slot, by state: ten at most."""
    found = await tx.execute(select(part.c.state).where(part.c.instance == instance_name, part.c.slot.is_not(None)))
    return Counter(map(State, found.scalars()))


async def waiting_of(tx: AsyncConnection, import_id: int) -> Sequence[int]:
    found = await tx.execute(
        select(part.c.id).where(part.c.import_id == import_id, part.c.state == WAITING).order_by(part.c.id)
    )
    return found.scalars().all()


def tried(error: TryError, *, failing_since: datetime | None) -> dict[str, Any]:
    """The columns for a try that did not go through; `failing_since`: None where only its turn has not come."""
    return {
        "last_error_at": error.at,
        "last_error_code": error.code,
        "last_error_message": error.message,
        "failing_since": failing_since,
    }


def due(instance_name: str, now: datetime) -> ColumnElement[bool]:
    """Waiting parts whose time has come."""
    return and_(part.c.instance == instance_name, part.c.state == WAITING, part.c.due_at <= now)


def conflict_scope_of(row: Row[Any]) -> ConflictScope:
    return ConflictScope(row.import_id, row.space, row.key_fields, row.list_id, row.aside)


def as_part(row: Row[Any]) -> Part:
    failure = Failure(row.error_code, row.error_message, row.error_marketo_code) if row.error_code else None
    at = row.last_error_at
    return Part(
        id=row.id,
        import_id=row.import_id,
        number=row.number,
        instance=row.instance,
        state=State(row.state),
        state_since=row.state_since,
        accepted_seq=row.turn,
        conflict_scope=conflict_scope_of(row),
        client=row.client,
        blocked_by=row.waits_for,
        blocked_since=row.waits_since,
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
        silent_since=row.silent_since,
        denials=row.denials,
        last_error=TryError(row.last_error_code, row.last_error_message, at) if at else None,
        failing_since=row.failing_since,
        counted=row.counted,
        results_missing=row.results_missing,
        results_late=row.results_late,
        unplaced=row.unplaced,
        submitted_at=row.submitted_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
