"""The parts of an import at one moment, and what each waiting one waits for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.clock import Clock
from app.domain.imports import Import
from app.domain.instances import Instance, WaitingFor, next_attempt_at, waiting_for
from app.domain.parts import Part
from app.store import instances, part_queries
from app.store.database import Database
from app.store.part_queries import BlockedBy


@dataclass(frozen=True, slots=True)
class Blockage:
    """A part waits for another one that has the same records and goes first."""

    since: datetime
    blocker: BlockedBy | None  # None where whoever looks may not see it


@dataclass(frozen=True, slots=True)
class PartView:
    """A part, what it waits for, and when it is next tried."""

    part: Part
    waiting_for: WaitingFor | None
    next_attempt_at: datetime | None
    blockage: Blockage | None


@dataclass(frozen=True, slots=True)
class PartReader:
    """Reads the parts of imports for whoever shows them."""

    db: Database
    now: Clock

    async def read(self, import_: Import, *, may_see: Callable[[str], bool]) -> list[PartView]:
        """An import's parts in their order. `may_see`: whether the imports of a client may be named."""
        async with self.db.read() as tx:
            instance = await instances.get(tx, import_.request.instance)
            listed = await part_queries.of_import(tx, import_.id)
            blockers = await part_queries.blockers(tx, listed)
        assert instance is not None, "an instance that has an import has a row"
        visible = {part_id: blocker for part_id, blocker in blockers.items() if may_see(blocker.client)}
        now = self.now()
        return [view_part(part, import_, instance, visible.get(part.blocked_by or 0), now) for part in listed]


def view_part(part: Part, import_: Import, instance: Instance, blocker: BlockedBy | None, now: datetime) -> PartView:
    """A part as it is told. `blocker`: None where there is none, or whoever looks may not see it."""
    reason = waiting_for(part, instance, now)
    return PartView(
        part=part,
        waiting_for=reason,
        next_attempt_at=next_attempt_at(part, instance, now, policy=import_.request.on_unconfirmed),
        blockage=_blockage(part, blocker) if reason is WaitingFor.SAME_RECORDS else None,
    )


def _blockage(part: Part, blocker: BlockedBy | None) -> Blockage:
    since = part.blocked_since or part.state_since
    assert since is not None, "a part that waits has a state"
    return Blockage(since, blocker)
