"""Which parts there are: of an import, in a state, at Marketo, behind another. Nothing here writes."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Integer, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.lifecycle import SLOW, State
from app.domain.parts import Part
from app.store.part_rows import as_part
from app.store.tables import WAITING, part

AT_ONCE = 500  # ids in one statement

# What every tick of a worker asks is built once: building a statement costs more than SQLite needs to answer it.
_IN_STATES = (
    select(part)
    .where(part.c.instance == bindparam("instance_name"), part.c.state.in_(bindparam("states", expanding=True)))
    .order_by(part.c.submitted_at, part.c.id)
    .limit(bindparam("most", type_=Integer))
)
_DUE_IN_STATES = _IN_STATES.where(
    part.c.due_at.is_(None) | (part.c.due_at <= bindparam("now", type_=part.c.due_at.type))
)
_STATES_AT_MARKETO = select(part.c.state).where(part.c.instance == bindparam("instance_name"), part.c.slot.is_not(None))


async def get(tx: AsyncConnection, part_id: int) -> Part:
    return as_part((await tx.execute(select(part).where(part.c.id == part_id))).one())


async def of_import(tx: AsyncConnection, import_id: int) -> list[Part]:
    """The parts of an accepted import, in their order."""
    rows = await tx.execute(
        select(part).where(part.c.import_id == import_id, part.c.state.is_not(None)).order_by(part.c.number)
    )
    return [as_part(row) for row in rows]


@dataclass(frozen=True, slots=True)
class BlockedBy:
    """A part that touches the same records as a waiting one, and goes first."""

    import_id: int
    number: int
    client: str


async def blockers(tx: AsyncConnection, waiting: Sequence[Part]) -> Mapping[int, BlockedBy]:
    """By the id of the part that is waited for."""
    ids = sorted({part.blocked_by for part in waiting if part.blocked_by is not None})
    result: dict[int, BlockedBy] = {}
    for chunk in (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE)):
        columns = (part.c.id, part.c.import_id, part.c.number, part.c.client)
        rows = await tx.execute(select(*columns).where(part.c.id.in_(chunk)))
        result |= {row.id: BlockedBy(row.import_id, row.number, row.client) for row in rows}
    return result


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
    conditions = (part.c.instance == than.instance, part.c.batch_id == batch_id, part.c.id != than.id)
    rows = await tx.execute(select(part).where(*conditions).order_by(part.c.id).limit(1))
    row = rows.one_or_none()
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
    query = _IN_STATES if due is None else _DUE_IN_STATES
    rows = await tx.execute(query, {"instance_name": instance_name, "states": list(states), "now": due, "most": limit})
    return [as_part(row) for row in rows]


async def stuck_untold(tx: AsyncConnection, instance_name: str, *, since: datetime) -> list[Part]:
    """Parts that have been in a state at Marketo since then, or longer, without the history being told."""
    conditions = [part.c.instance == instance_name, part.c.state.in_([State.QUEUED, *SLOW]), part.c.stuck_at.is_(None)]
    rows = await tx.execute(select(part).where(*conditions, part.c.state_since <= since).order_by(part.c.id))
    return [as_part(row) for row in rows]


async def failing_since(tx: AsyncConnection, instance_name: str, *, before: datetime) -> list[int]:
    """The ids of parts whose tries have all failed since a time before that."""
    rows = await tx.execute(
        select(part.c.id).where(part.c.instance == instance_name, part.c.failing_since < before).order_by(part.c.id)
    )
    return list(rows.scalars())


async def at_marketo(tx: AsyncConnection, instance_names: Collection[str]) -> list[Part]:
    """Whatever holds a slot of these instances, in the order Marketo got it: ten at most of each."""
    conditions = [part.c.instance.in_(instance_names), part.c.slot.is_not(None)]
    rows = await tx.execute(select(part).where(*conditions).order_by(part.c.submitted_at, part.c.id))
    return [as_part(row) for row in rows]


async def slots_in_use(tx: AsyncConnection, instance_name: str) -> set[int]:
    rows = await tx.execute(select(part.c.slot).where(part.c.instance == instance_name, part.c.slot.is_not(None)))
    return set(rows.scalars())


async def states_at_marketo(tx: AsyncConnection, instance_name: str) -> Counter[State]:
    """An instance's parts that hold a slot, by state: ten at most."""
    rows = await tx.execute(_STATES_AT_MARKETO, {"instance_name": instance_name})
    return Counter(map(State, rows.scalars()))


async def waiting_of(tx: AsyncConnection, import_id: int) -> Sequence[int]:
    rows = await tx.execute(
        select(part.c.id).where(part.c.import_id == import_id, part.c.state == WAITING).order_by(part.c.id)
    )
    return rows.scalars().all()
