"""Bundling: which waiting parts ride along with a part that goes to Marketo, and how much one job may have.

Marketo needs as long for a file of three rows as for one of a thousand, so what waits goes together. A part rides along
only if it overtakes no part that changes the same records, and shares no record key with another part of the job
(ONE_KEY_AT_A_TIME). Parts for the same list may go together: Marketo takes one job at a time for a list, and inside one
job they are in order. Pure functions over values.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.parts import ConflictScope
from app.domain.throughput import ThroughputModel
from app.files.cutting import PART_ROWS
from app.files.record_keys import Digests
from app.scheduling.touched_records import TouchedRecords, shared_keys

CAUTIOUS_ROWS = 200  # of a job, until one has shown how fast Marketo is: it may be far slower than assumed
LINE_END_BYTES = 2  # at most: it is put behind a part's last record where that has none


@dataclass(frozen=True, slots=True)
class QueuedPart:
    """A part as bundling sees it: one that waits, or one at Marketo."""

    id: int
    place: tuple[int, int]  # in the order of acceptance
    conflict_scope: ConflictScope
    keys: Digests | None  # each once; None: nobody knows them
    rows: int
    size_bytes: int  # the part's file, header included
    is_alike: (
        bool  # it may be in one file with the leader: their conflict scopes differ by import and deferred rows only
    )
    may_go: bool  # it waits for nothing but a slot, and perhaps for the part that blocks it
    blocked_by: int | None = None  # the id of a part that changes the same records and goes first
    has_claim: bool = True  # False: it is not to go before a later time, and until then it goes before nobody


@dataclass(frozen=True, slots=True)
class Room:
    """What one job may have at most, the leader included."""

    size_bytes: int
    rows: float
    parts: int
    header_bytes: int  # of the header with which each of the parts begins; the job has it once


@dataclass(slots=True)
class _Bundle:
    """A job that is being put together. `keys`: for each part, by its id, the keys that it may share with others."""

    room: Room
    keys: Mapping[int, Sequence[int] | None]
    parts: list[QueuedPart] = field(default_factory=list)
    ids: set[int] = field(default_factory=set)
    size_bytes: int = 0
    rows: int = 0
    touched: TouchedRecords = field(default_factory=TouchedRecords)  # by its parts
    touched_first: TouchedRecords = field(default_factory=TouchedRecords)  # by other parts that go first
    lists_first: set[int | None] = field(default_factory=set)  # into which these import

    @property
    def is_full(self) -> bool:
        is_full = len(self.parts) >= self.room.parts or self.rows >= self.room.rows
        return is_full or self.size_bytes >= self.room.size_bytes

    def take(self, part: QueuedPart) -> None:
        self.size_bytes += self._added_bytes(part)
        self.rows += part.rows
        self.parts.append(part)
        self.ids.add(part.id)
        self.touched.add(part.conflict_scope, self.keys[part.id])

    def goes_first(self, part: QueuedPart) -> None:
        """Note a part that is not in the bundle, and that no later one may overtake where they overlap."""
        self.touched_first.add(part.conflict_scope, self.keys[part.id])
        self.lists_first.add(part.conflict_scope.list_id)

    def may_take(self, part: QueuedPart) -> bool:
        if not part.is_alike or not part.may_go or (part.blocked_by is not None and part.blocked_by not in self.ids):
            return False
        if self.rows + part.rows > self.room.rows or self.size_bytes + self._added_bytes(part) > self.room.size_bytes:
            return False
        scope, keys = part.conflict_scope, self.keys[part.id]
        if scope.list_id is not None and scope.list_id in self.lists_first:
            return False
        return not self.touched_first.overlap(scope, keys) and not self.touched.overlap(scope, keys)

    def _added_bytes(self, part: QueuedPart) -> int:
        """By how much the job's file grows, at most."""
        spared_bytes = max(0, self.room.header_bytes - LINE_END_BYTES) if self.parts else 0
        return part.size_bytes - spared_bytes


def riders(
    leader: QueuedPart, waiting: Sequence[QueuedPart], there: Sequence[QueuedPart], room: Room
) -> list[QueuedPart]:
    """The parts of one job: the leader and those that ride along, in the order of acceptance.

    `waiting`: the instance's waiting parts in the order of acceptance, from the first on, whether they may go or not.
    The leader may be among them. `there`: its parts at Marketo. The leader has been compared with all of these.
    """
    others = [part for part in waiting if part.id != leader.id]
    everybody = [leader, *there, *others]
    keys = shared_keys(part.keys for part in everybody)
    bundle = _Bundle(room, {part.id: theirs for part, theirs in zip(everybody, keys, strict=True)})
    bundle.take(leader)
    for part in there:
        bundle.goes_first(part)
    for part in others:
        if bundle.is_full:
            break
        if bundle.may_take(part):
            bundle.take(part)
        elif part.has_claim:
            bundle.goes_first(part)
    return sorted(bundle.parts, key=lambda part: part.place)


def most_rows(
    throughput: ThroughputModel, *, bundle_seconds: float, alike_rows: int, importers: int, jobs_there: int
) -> int:
    """How many rows a job may have; one part alone may have more. 0: nothing rides along.

    As many as an importer is thought to work on for `bundle_seconds`, beside the time that any job takes; and no more
    than an equal share of all alike rows that wait (`alike_rows`, the leader's included) for each importer that has no
    job yet; nor more than a part may have, since a job's rows are matched in memory. Few, until a job has shown how
    fast Marketo is: what is more urgent would have to wait for all of them. `jobs_there`: jobs at Marketo that are not
    known to be done.
    """
    idle_importers = max(1, importers - jobs_there)
    share_rows = -(-alike_rows // idle_importers)
    most = PART_ROWS if throughput.jobs else CAUTIOUS_ROWS
    return math.floor(min(share_rows, most, throughput.rows_within(bundle_seconds)))
