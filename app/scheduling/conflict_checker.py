"""Whether a waiting part may go, or shares a record key or a list with a part that goes first (ONE_KEY_AT_A_TIME).

Two parts need to be compared once only, because their keys never change. Where they share one, the later part is
blocked until the earlier one is done, or falls behind. That is written down, so that a tick looks only at parts that
nothing blocks.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.conflicts import Overlap, overlap_of
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.parts import Part
from app.files.record_keys import Digests, from_bytes, share_any
from app.scheduling.fenced_writer import FencedWriter
from app.scheduling.lease import Lease
from app.store import blockers, parts
from app.store.blockers import Blocker
from app.store.database import Database
from app.store.transaction import ReadTransaction

PAGE_RIVALS = 500
LOOK_BYTES = 2_000_000  # of keys that are compared in one look: some milliseconds, and little to hold
KNOWN_PARTS = 10_000
START = (0, 0)


@dataclass(slots=True)
class Compared:
    """With whom a part has been compared and has nothing in common."""

    there: set[int] = field(default_factory=set)  # parts at Marketo
    before: tuple[int, int] = START  # all waiting parts up to this place in the order of acceptance
    looked_to: tuple[int, int] = START  # how far this round has got; a part that is not to go yet is met again in each


@dataclass(frozen=True, slots=True)
class ConflictChecker:
    db: Database
    fenced: FencedWriter
    hit: FailpointHit
    compared: dict[int, Compared] = field(default_factory=dict)
    mine: dict[int, Digests] = field(default_factory=dict)  # the keys of the part that was checked last

    async def check(self, lease: Lease, part: Part, *, now: datetime) -> bool | None:
        """True: it touches nothing of a part that goes first. False: it does, and waits. None: look again.

        Effect: one or two short transactions; the comparing is done in a thread.
        """
        compared = self._compared(part)
        async with self.db.read() as tx:
            at_marketo = await blockers.at_marketo(tx, part)
            compared.there &= {blocker.id for blocker in at_marketo}  # those that have gone need not be remembered
            there = [blocker for blocker in at_marketo if blocker.id not in compared.there]
            after = max(compared.before, compared.looked_to)
            before = await blockers.before(tx, part, after=after, limit=PAGE_RIVALS)
            looked = _as_many_as_fit(part, [*there, *before])
            keys = await self._keys(tx, part, looked)
        met = await asyncio.to_thread(_met, part, looked, keys)
        for blocker in reversed(met):  # the nearest: then the end of one sets the next free, and not all at once
            if blocker.not_before is None or blocker.not_before <= now:
                async with self.fenced.write(lease) as (tx, _):
                    await parts.set_blocked(tx, part.id, by=blocker.id, at=now)
                self.hit(Failpoint.LET_WAIT)
                compared.looked_to = START
                return False
        compared.there |= {blocker.id for blocker in looked[: len(there)]}
        places = [blocker.place for blocker in looked[len(there) :]]
        if compared.before >= compared.looked_to:  # nobody was met so far in this round
            compared.before = max([compared.before, *(place for place in places if not met or place < met[0].place)])
        compared.looked_to = max([after, *places])
        if len(looked) < len(there) + len(before) or len(before) == PAGE_RIVALS:
            return None
        compared.looked_to = START
        return True

    def forget(self, part: Part) -> None:
        self.compared.pop(part.id, None)

    async def _keys(self, tx: ReadTransaction, part: Part, others: Sequence[Blocker]) -> Mapping[int, Digests]:
        part_ids = [
            blocker.id
            for blocker in others
            if overlap_of(part.conflict_scope, blocker.conflict_scope) is Overlap.BY_KEY
        ]
        if not part_ids:
            return {}
        if part.id not in self.mine:
            self.mine.clear()
            part_ids.append(part.id)
        digests = {part_id: from_bytes(kept) for part_id, kept in (await blockers.keys(tx, part_ids)).items()}
        if part.id in digests:
            self.mine[part.id] = digests[part.id]
        return digests | self.mine

    def _compared(self, part: Part) -> Compared:
        if len(self.compared) > KNOWN_PARTS:  # of parts that went another way than through here
            self.compared.clear()
        return self.compared.setdefault(part.id, Compared())


def _as_many_as_fit(part: Part, others: Sequence[Blocker]) -> Sequence[Blocker]:
    left = LOOK_BYTES
    for count, blocker in enumerate(others):
        if overlap_of(part.conflict_scope, blocker.conflict_scope) is Overlap.BY_KEY:
            left -= blocker.keys_bytes
        if left < 0 and count:
            return others[:count]
    return others


def _met(part: Part, others: Sequence[Blocker], keys: Mapping[int, Digests]) -> list[Blocker]:
    """Those that touch what it touches, in their order."""
    return [blocker for blocker in others if _meets(part, blocker, keys)]


def _meets(part: Part, blocker: Blocker, keys: Mapping[int, Digests]) -> bool:
    match overlap_of(part.conflict_scope, blocker.conflict_scope):
        case Overlap.NEVER:
            return False
        case Overlap.ALWAYS:
            return True
        case Overlap.BY_KEY:  # what nobody knows may be anything
            has_keys = part.id in keys and blocker.id in keys
            return not has_keys or share_any(keys[part.id], keys[blocker.id])
