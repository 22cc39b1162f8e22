"""Whether a person should look at an import, and why: for imports that were read, and as a filter over all of them.

The module is long because both say the same rules, once in Python and once in SQL, and have to be changed together.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.answers import Unusable
from app.domain.imports import FINISHED, Attention, AttentionCode, ImportStatus
from app.domain.incidents import PART_SECONDS
from app.domain.lifecycle import SLOW, PartState
from app.domain.timeouts import DENIALS
from app.store.tables import MAY_NEED_ATTENTION, import_, instance, part

LATE_BECAUSE = {
    Unusable.NO_FILE: "Marketo says that there is none",
    Unusable.REFUSED: "Marketo answers with an error",
    Unusable.NO_ANSWER: "no answer comes that says anything",
    Unusable.CUT_OFF: "it ends in the middle",
    Unusable.HTML: "HTML comes in its place",
    Unusable.JSON: "JSON comes in its place",
    Unusable.NO_HEADER: "it has no header",
    Unusable.OTHER_COLUMNS: "none of its columns is one of the import's",
    Unusable.NOT_MATCHED: "it could not be held against the rows, by a mistake of this service",
}
MOST_MISSING = 10  # imports that `missing_lately` names
DENIED = part.c.denials >= DENIALS
"""Parts whose job Marketo has denied knowing too often in a row. A part that is not at Marketo has no denials."""
LATE = and_(part.c.state == PartState.COLLECTING, part.c.results_late.is_not(None))
"""Parts of which a result file is asked for again, for another reason than that all calls have to wait."""


@dataclass(frozen=True, slots=True)
class AttentionCriteria:
    """The time and the limits by which `attention` is decided."""

    now: datetime
    stuck_seconds: float  # after so long in one state at Marketo a part is stuck

    @property
    def stuck_since(self) -> datetime:
        return self.now - timedelta(seconds=self.stuck_seconds)

    @property
    def late_since(self) -> datetime:
        return self.now - timedelta(seconds=PART_SECONDS)


@dataclass(slots=True)
class Parts:
    """What decides the attention of one import, and its estimate: summed over its parts.

    Each `…_since` is the earliest such time of any of its parts; None where no part has one.
    """

    states: Counter[PartState] = field(default_factory=Counter)
    accepted_seq: int | None = None
    waiting_rows: int = 0
    collecting_since: datetime | None = None
    unconfirmed_since: datetime | None = None
    denied_since: datetime | None = None
    stuck_since: datetime | None = None
    queued_since: datetime | None = None  # in Marketo's queue for so long that it is stuck if nothing moves there
    missing_since: datetime | None = None
    unplaced: int = 0  # rows of result files that have no place in the file
    late_since: datetime | None = None  # result files that have been asked for again for a while
    late: str = ""  # one of these files, and why it cannot be used: "failures:html"
    failing_since: datetime | None = None  # calls about a part have failed


async def parts_of(tx: AsyncConnection, ids: Sequence[int], by: AttentionCriteria) -> Mapping[int, Parts]:
    """The sums over the parts of these imports, by import."""
    summed: dict[int, Parts] = defaultdict(Parts)
    if not ids:
        return summed
    for row in await tx.execute(
        select(
            part.c.import_id,
            part.c.state,
            part.c.results_missing,
            func.count().label("parts"),
            func.min(part.c.state_since).label("since"),
            func.max(part.c.turn).label("turn"),
            func.sum(part.c.rows).label("rows"),
            func.sum(part.c.unplaced).label("unplaced"),
            func.min(case((LATE, part.c.failing_since))).label("late_since"),
            func.min(part.c.results_late).label("late"),
            func.min(case((DENIED, part.c.silent_since))).label("denied_since"),
            func.min(part.c.failing_since).label("failing_since"),
        )
        .where(part.c.import_id.in_(ids))
        .group_by(part.c.import_id, part.c.state, part.c.results_missing)
    ):
        _add(summed[row.import_id], row, by)
    return summed


def _add(sums: Parts, row: Row[Any], by: AttentionCriteria) -> None:
    """Add the parts of an import that one row stands for: those in one state, with or without missing results."""
    state = PartState(row.state)
    sums.states[state] += row.parts
    sums.accepted_seq = row.turn
    if state is PartState.WAITING:
        sums.waiting_rows += int(row.rows)
    if state is PartState.COLLECTING:
        sums.collecting_since = min(sums.collecting_since or row.since, row.since)
    if state is PartState.UNCONFIRMED:
        sums.unconfirmed_since = min(sums.unconfirmed_since or row.since, row.since)
    if row.failing_since:
        sums.failing_since = min(sums.failing_since or row.failing_since, row.failing_since)
    if row.denied_since:
        sums.denied_since = min(sums.denied_since or row.denied_since, row.denied_since)
    if state in SLOW and row.since <= by.stuck_since:
        sums.stuck_since = min(sums.stuck_since or row.since, row.since)
    if state is PartState.QUEUED and row.since <= by.stuck_since:
        sums.queued_since = min(sums.queued_since or row.since, row.since)
    if row.late_since and row.late_since <= by.late_since:
        sums.late_since, sums.late = min(sums.late_since or row.late_since, row.late_since), row.late
    sums.unplaced += int(row.unplaced)
    if row.results_missing:
        sums.missing_since = min(sums.missing_since or row.since, row.since)


async def missing_lately(tx: AsyncConnection, *, since: datetime) -> list[int]:
    """The newest imports that finished since then without every row being accounted for: MOST_MISSING at most."""
    missing = select(part.c.import_id).where(MAY_NEED_ATTENTION, part.c.results_missing.is_(True))
    lately = select(import_.c.id).where(import_.c.id.in_(missing), import_.c.finished_at >= since)
    return list((await tx.execute(lately.order_by(import_.c.id.desc()).limit(MOST_MISSING))).scalars())


async def moves(tx: AsyncConnection, instance_name: str, by: AttentionCriteria) -> bool:
    """Whether a part of the instance began or ended at Marketo within the time after which a part is stuck."""
    return bool((await tx.execute(select(_moved(instance_name, by)))).scalar_one())


def _moved(instance_name: Any, by: AttentionCriteria) -> ColumnElement[bool]:
    """The same as a condition. Imports that finished since then, and parts of unfinished ones, are enough to tell."""
    other, its_part = import_.alias(), part.alias()
    finished = exists().where(
        other.c.instance == instance_name,
        other.c.finished_at > by.stuck_since,
        other.c.finished_at <= by.now,  # and not behind a clock that was set back since
        func.coalesce(other.c.status, "") == ImportStatus.COMPLETE,  # not by its index, which has all of history
    )
    got_on = exists().where(
        other.c.instance == instance_name,
        other.c.status == ImportStatus.IMPORTING,
        its_part.c.import_id == other.c.id,
        its_part.c.state.in_([PartState.IMPORTING, PartState.COLLECTING, PartState.COMPLETE]),
        its_part.c.state_since > by.stuck_since,
        its_part.c.state_since <= by.now,
    )
    return or_(finished, got_on)


async def needed(tx: AsyncConnection, by: AttentionCriteria) -> ColumnElement[bool]:
    """The condition that an import needs attention: true for those to which `of` gives one."""
    stands_long = and_(part.c.state == PartState.QUEUED, part.c.state_since <= by.stuck_since)
    troubled = import_.c.id.in_(
        select(part.c.import_id).where(
            MAY_NEED_ATTENTION,
            or_(
                part.c.state == PartState.UNCONFIRMED,
                DENIED,
                part.c.results_missing.is_(True),
                and_(LATE, part.c.failing_since <= by.late_since),
                and_(part.c.state.in_(SLOW), part.c.state_since <= by.stuck_since),
                and_(stands_long, ~_moved(part.c.instance, by)),
            ),
        )
    )
    blocked = (await tx.execute(select(instance.c.name).where(instance.c.blocked_at.is_not(None)))).scalars().all()
    if not blocked:  # nearly always: then an index over few parts is enough, and not every import is read
        return troubled
    return or_(
        troubled,
        and_(import_.c.instance.in_(blocked), import_.c.status.in_([ImportStatus.QUEUED, ImportStatus.IMPORTING])),
    )


def of(row: Row[Any], parts: Parts, *, at_a_standstill: bool) -> Attention | None:
    """The attention that an import needs, the most urgent one first; None where it needs none.

    `row`: the import's row with the block of its instance. `at_a_standstill`: nothing moves in Marketo's queue.
    """
    if row.status not in FINISHED and (block := of_block(row.blocked_at, row.blocked_reason)):
        return block
    if parts.unconfirmed_since:
        return Attention(
            AttentionCode.UNCONFIRMED,
            "Marketo's answer to a submission was lost: nobody can know yet whether it has the part.",
            parts.unconfirmed_since,
        )
    if parts.denied_since:
        return Attention(
            AttentionCode.UNKNOWN_AT_MARKETO,
            "Marketo denies knowing a job that it had accepted. It is asked again; after an hour the part counts as "
            "unconfirmed.",
            parts.denied_since,
        )
    if parts.stuck_since:
        return Attention(
            AttentionCode.STUCK, "A part has been at Marketo for far longer than usual.", parts.stuck_since
        )
    if parts.queued_since and at_a_standstill:
        message = "Marketo has had a part in its queue for far longer than usual, and nothing moves there."
        return Attention(AttentionCode.STUCK, message, parts.queued_since)
    if parts.late_since:
        file, _, why = parts.late.partition(":")
        message = f"Marketo's {file} file cannot be had: {LATE_BECAUSE[Unusable(why)]}. It is asked for again."
        return Attention(AttentionCode.RESULTS_MISSING, message, parts.late_since)
    if parts.missing_since:
        return Attention(AttentionCode.RESULTS_MISSING, _missing(parts.unplaced), parts.missing_since)
    return None


def of_block(blocked_at: datetime | None, reason: str | None) -> Attention | None:
    """The attention that an unfinished import needs while its instance is blocked; None where it is not."""
    if blocked_at is None:
        return None
    return Attention(AttentionCode.INSTANCE_BLOCKED, reason or "Marketo refuses our credentials.", blocked_at)


def _missing(unplaced: int) -> str:
    if not unplaced:
        return "Marketo's counts and its result files do not account for every row."
    rows = "1 row" if unplaced == 1 else f"{unplaced} rows"
    return (
        f"{rows} of Marketo's result files cannot be read, or not be found among those that were sent: "
        "see those without a source row in failures and warnings."
    )
