"""The bundler: reads what waits beside a part that is to go, and decides which of it rides along (bundling.py)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from app.clock import Clock
from app.domain.conflicts import Overlap, overlap_of
from app.domain.parts import Part
from app.domain.timeouts import UNPLACED_SECONDS
from app.files.record_keys import Digests, from_bytes
from app.scheduling.bundling import QueuedPart, Room, most_rows, riders
from app.scheduling.queue_model import QueueModel
from app.store import blockers, job_queries, waiting_queue
from app.store.blockers import Blocker
from app.store.database import Database
from app.store.transaction import ReadTransaction
from app.store.waiting_queue import Alike

MOST_PARTS = 500  # of one job
MOST_LOOKED = 2_000  # waiting parts that the riders are compared with, at most: those behind them wait for their turn
LOOK_BYTES = 8_000_000  # of keys


class _Beside(NamedTuple):
    leader: QueuedPart
    waiting: list[QueuedPart]  # in the order of acceptance
    there: list[QueuedPart]  # at Marketo


@dataclass(frozen=True, slots=True)
class Bundler:
    db: Database
    queue_model: QueueModel
    bundle_seconds: float  # 0: nothing rides along
    body_bytes: int  # of a job's file, at most
    now: Clock

    async def bundle(self, leader: Part) -> Sequence[int]:
        """The ids of the parts of one job, the leader's first. It has been compared with all that goes before it.

        A few reads; only the leader's own where none waits that is alike.
        """
        if not self.bundle_seconds or leader.alike is None:
            return [leader.id]
        at = self.now()
        async with self.db.read() as tx:
            alike = await waiting_queue.alike(tx, leader, limit=MOST_PARTS)
            if not alike or await self._came_back_nobodys(tx, leader):
                return [leader.id]
            there = await job_queries.at_marketo(tx, [leader.instance])
            rows = most_rows(
                self.queue_model.throughput,
                bundle_seconds=self.bundle_seconds,
                alike_rows=leader.rows.total + sum(one.rows for one in alike),
                importers=1 if leader.conflict_scope.list_id else self.queue_model.importers,  # a list takes one job
                jobs_there=len(there),
            )
            room = Room(self.body_bytes, rows, MOST_PARTS, leader.header_bytes)
            left_bytes = self.body_bytes - leader.size_bytes + leader.header_bytes  # that its riders may have
            wanted = _as_many_as_fit(alike, room.rows - leader.rows.total, left_bytes)
            if not wanted:
                return [leader.id]
            beside = await self._beside(tx, leader, wanted, at)
        parts = await asyncio.to_thread(riders, beside.leader, beside.waiting, beside.there, room)
        return [leader.id, *(part.id for part in parts if part.id != leader.id)]

    async def _came_back_nobodys(self, tx: ReadTransaction, leader: Part) -> bool:
        """Whether rows came back from such a bundle of which nobody can know whose they are: not within a day."""
        assert leader.alike is not None
        since = self.now.ago(UNPLACED_SECONDS)
        return await job_queries.had_unplaced(tx, leader.instance, leader.alike, since=since)

    async def _beside(self, tx: ReadTransaction, leader: Part, wanted: Sequence[Alike], at: datetime) -> _Beside:
        """The leader, and what it has to be compared with: what waits, up to the last part that may ride."""
        by_id = {one.id: one for one in wanted}
        last = max(one.place for one in wanted)
        there = await blockers.at_marketo(tx, leader)
        waiting = await blockers.up_to(tx, leader, last, limit=MOST_LOOKED)
        looked, left_bytes = [], LOOK_BYTES - sum(_compared_bytes(leader, other) for other in there)
        for other in waiting:
            left_bytes -= _compared_bytes(leader, other)
            if left_bytes < 0:
                break
            looked.append(other)
        everybody = [other for other in [*there, *looked] if _compared_bytes(leader, other)]
        stored = await blockers.keys(tx, [leader.id, *(other.id for other in everybody)])
        keys = {part_id: from_bytes(digests) for part_id, digests in stored.items()}
        own = QueuedPart(
            id=leader.id,
            place=(leader.accepted_seq or 0, leader.number),
            conflict_scope=leader.conflict_scope,
            keys=keys.get(leader.id),
            rows=leader.rows.total,
            size_bytes=leader.size_bytes,
            is_alike=True,
            may_go=True,
        )
        return _Beside(
            leader=own,
            waiting=[_queued(other, by_id.get(other.id), keys, at) for other in looked],
            there=[_queued(other, None, keys, at) for other in there],
        )


def _queued(other: Blocker, alike: Alike | None, keys: Mapping[int, Digests], at: datetime) -> QueuedPart:
    return QueuedPart(
        id=other.id,
        place=other.place,
        conflict_scope=other.conflict_scope,
        keys=keys.get(other.id),
        rows=alike.rows if alike else 0,
        size_bytes=alike.size_bytes if alike else 0,
        is_alike=alike is not None,
        may_go=alike is not None,
        blocked_by=alike.blocked_by if alike else None,
        has_claim=other.not_before is None or other.not_before <= at,
    )


def _as_many_as_fit(alike: Sequence[Alike], rows: float, size_bytes: int) -> list[Alike]:
    """The first of them, until the rows are used up; without those that are too large even by themselves."""
    fit: list[Alike] = []
    for one in alike:
        if rows <= 0:
            break
        if one.size_bytes <= size_bytes:
            rows -= one.rows
            fit.append(one)
    return fit


def _compared_bytes(leader: Part, other: Blocker) -> int:
    """How large the keys are that have to be compared; 0 where none have to be."""
    same = replace(leader.conflict_scope, list_id=None)
    theirs = replace(other.conflict_scope, list_id=None)
    return other.keys_bytes if overlap_of(same, theirs) is Overlap.BY_KEY else 0
