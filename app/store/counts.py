"""Numbers for status pages and metrics. Each query reads live parts or one day of imports, never all of history."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.imports import Status
from app.domain.lifecycle import FINAL, State
from app.store.tables import import_, instance, part

LIVE = [state for state in State if state not in FINAL]


@dataclass(slots=True)
class Live:
    """An instance's parts that have not ended."""

    parts: dict[State, int] = field(default_factory=lambda: defaultdict(int))
    waiting_rows: int = 0
    waiting_since: datetime | None = None
    importing_since: datetime | None = None

    @property
    def waiting_parts(self) -> int:
        return self.parts.get(State.WAITING, 0)


async def live(tx: AsyncConnection) -> dict[str, Live]:
    """Live parts by instance. Named, so that an index finds them among all that have ended."""
    names = (await tx.execute(select(instance.c.name))).scalars().all()
    found: dict[str, Live] = defaultdict(Live)
    for row in await tx.execute(
        select(
            part.c.instance,
            part.c.state,
            func.count().label("parts"),
            func.sum(part.c.rows).label("rows"),
            func.min(import_.c.created_at).label("created"),
            func.min(part.c.state_since).label("since"),
        )
        .join(import_, import_.c.id == part.c.import_id)
        .where(part.c.instance.in_(names), part.c.state.in_(LIVE))
        .group_by(part.c.instance, part.c.state)
    ):
        seen, state = found[row.instance], State(row.state)
        seen.parts[state] = row.parts
        if state is State.WAITING:
            seen.waiting_rows, seen.waiting_since = int(row.rows), row.created
        if state is State.IMPORTING:
            seen.importing_since = row.since
    return found


async def imports_by_status(tx: AsyncConnection, *, since: datetime) -> dict[Status, int]:
    """Unfinished imports, and those that finished since then."""
    counts = dict.fromkeys(Status, 0)
    rows = await tx.execute(
        select(import_.c.status, func.count())
        .where(import_.c.status.is_not(None), (import_.c.finished_at.is_(None)) | (import_.c.finished_at >= since))
        .group_by(import_.c.status)
    )
    return counts | {Status(status): count for status, count in rows}


async def unfinished_imports(tx: AsyncConnection) -> dict[str, dict[Status, int]]:
    """By instance."""
    found: dict[str, dict[Status, int]] = defaultdict(dict)
    for row in await tx.execute(
        select(import_.c.instance, import_.c.status, func.count().label("imports"))
        .where(import_.c.status.is_not(None), import_.c.finished_at.is_(None))
        .group_by(import_.c.instance, import_.c.status)
    ):
        found[row.instance][Status(row.status)] = row.imports
    return found


async def rows_per_second(tx: AsyncConnection, *, now: datetime) -> dict[str, float]:
    """By instance: the rate at which the imports that finished in the last hour went through."""
    rows = await tx.execute(
        select(
            import_.c.instance,
            func.sum(import_.c.imported + import_.c.failed).label("rows"),
            func.min(import_.c.started_at).label("first"),
            func.max(import_.c.finished_at).label("last"),
        )
        .where(import_.c.finished_at >= now - timedelta(hours=1), import_.c.status == Status.COMPLETE)
        .group_by(import_.c.instance)
    )
    return {
        row.instance: round(int(row.rows) / seconds, 1)
        for row in rows
        if row.first and (seconds := (row.last - row.first).total_seconds()) > 0
    }
