"""Judge: may a waiting part go, or does it touch what another touches that goes first? (ONE_KEY_AT_A_TIME)

Two parts are compared once at most: keys never change, and nothing ever comes before a part that was accepted. What is
found lasts until the part that stands in the way is done; that is written down, so that a tick looks only at parts that
wait for nobody.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.conflicts import Meeting, meeting
from app.domain.imports import Part
from app.files.keys import Digests, from_bytes, share_any
from app.store import parts
from app.store.database import Database
from app.store.parts import Rival

PAGE_RIVALS = 500
LOOK_BYTES = 4_000_000  # of keys that are compared in one look: some milliseconds, and little to hold


@dataclass(slots=True)
class Progress:
    """With whom a part has been compared and has nothing in common."""

    before: tuple[int, int] = (0, 0)  # all waiting parts up to this place in the order of acceptance
    there: set[int] = field(default_factory=set)  # parts at Marketo


@dataclass(frozen=True, slots=True)
class Judge:
    db: Database
    known: dict[int, Progress] = field(default_factory=dict)

    async def may_go(self, part: Part, *, now: datetime) -> bool | None:
        """True: it touches nothing of a part that goes first. False: it does, and waits. None: look again.

        Effect: one or two short transactions; the comparing is done in a thread.
        """
        progress = self.known.setdefault(part.id, Progress())
        async with self.db.read() as tx:
            there = [rival for rival in await parts.rivals_at_marketo(tx, part) if rival.id not in progress.there]
            before = await parts.rivals_before(tx, part, after=progress.before, now=now, limit=PAGE_RIVALS)
            looked = _as_many_as_fit(part, [*there, *before])
            keys = await _keys(tx, part, looked)
        blocker = await asyncio.to_thread(_first_met, part, looked, keys)
        if blocker:
            async with self.db.write() as tx:
                await parts.let_wait(tx, part.id, waits_for=blocker.id)
            return False
        progress.there |= {rival.id for rival in looked[: len(there)]}
        if len(looked) > len(there):
            progress.before = looked[-1].place
        done = len(looked) == len(there) + len(before) and len(before) < PAGE_RIVALS
        return True if done else None

    def forget(self, part: Part) -> None:
        self.known.pop(part.id, None)


def _as_many_as_fit(part: Part, rivals: Sequence[Rival]) -> Sequence[Rival]:
    left = LOOK_BYTES
    for count, rival in enumerate(rivals):
        if meeting(part.footprint, rival.footprint) is Meeting.BY_KEY:
            left -= rival.keys_bytes
        if left < 0 and count:
            return rivals[:count]
    return rivals


async def _keys(tx: AsyncConnection, part: Part, rivals: Iterable[Rival]) -> Mapping[int, Digests]:
    by_key = [rival.id for rival in rivals if meeting(part.footprint, rival.footprint) is Meeting.BY_KEY]
    if not by_key:
        return {}
    return {part_id: from_bytes(kept) for part_id, kept in (await parts.keys(tx, [part.id, *by_key])).items()}


def _first_met(part: Part, rivals: Sequence[Rival], keys: Mapping[int, Digests]) -> Rival | None:
    for rival in rivals:
        match meeting(part.footprint, rival.footprint):
            case Meeting.ALWAYS:
                return rival
            case Meeting.BY_KEY if part.id not in keys or rival.id not in keys:
                return rival  # what nobody knows may be anything
            case Meeting.BY_KEY if share_any(keys[part.id], keys[rival.id]):
                return rival
    return None
