"""Candidates: the waiting parts that may be sent next, in the order in which they are tried.

Those of the highest priority go, client by client. Now and then a part goes before them that has risen as high by its
waiting (app/domain/ageing.py).
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from app.clock import Clock
from app.domain.ageing import rank, seconds_to_rise
from app.domain.parts import Part
from app.scheduling.fair_share import AgedShare, FairShare
from app.store import waiting_queue
from app.store.database import Database

CANDIDATES = 20  # how many of a client's waiting parts are tried in one turn


@dataclass(frozen=True, slots=True)
class Candidate:
    """A part that may be sent next."""

    part: Part
    by_age: bool = False  # and not by its priority


@dataclass(frozen=True, slots=True)
class Candidates:
    db: Database
    now: Clock
    fair_share: FairShare = field(default_factory=FairShare)
    aged_share: AgedShare = field(default_factory=AgedShare)

    async def in_order(self, instance: str, *, smallest_first: bool) -> AsyncGenerator[Candidate, None]:
        """The candidates, read in short transactions as they are consumed.

        `smallest_first`: others fill Marketo's queue, and most likely the part is sent for nothing once more.
        """
        async with self.db.read() as tx:
            priority, clients = await waiting_queue.clients(tx, instance)
            smallest = await waiting_queue.smallest(tx, instance, limit=CANDIDATES) if smallest_first else []
        if priority is None:
            return
        if smallest_first:
            for part in smallest:
                yield Candidate(part)
            return
        if self.aged_share.are_next(priority):
            for part in await self._risen(instance, priority):
                yield Candidate(part, by_age=True)
        for client in self.fair_share.in_order(clients):
            async with self.db.read() as tx:
                theirs = await waiting_queue.of_client(tx, instance, priority=priority, client=client, limit=CANDIDATES)
            for part in theirs:
                yield Candidate(part)

    def count(self, candidate: Candidate) -> None:
        """Add a candidate that was claimed to its client's share."""
        client, rows = candidate.part.client, candidate.part.rows.total
        self.fair_share.took(client, rows)
        if candidate.by_age:
            self.aged_share.took(client, rows)
        else:
            self.aged_share.were_passed()

    def count_rider(self, part: Part) -> None:
        """Add a part that rode along with a candidate to its client's share."""
        self.fair_share.took(part.client, part.rows.total)

    async def _risen(self, instance: str, priority: int) -> list[Part]:
        """Of each client the part that has risen highest, if it has risen to that priority; in the clients' order."""
        async with self.db.read() as tx:
            heads = await waiting_queue.heads(tx, instance, below=priority)
        ago = self.now.ago  # a clock that was set makes nobody older, or younger
        risen = [head for head in heads if head.since <= ago(seconds_to_rise(head.priority, to=priority))]
        if not risen:
            self.aged_share.begin_anew()
        risen.sort(key=lambda head: rank(head.priority, head.since), reverse=True)
        highest = {head.part.client: head.part for head in risen}
        return [highest[client] for client in self.aged_share.turns.in_order(sorted(highest))]
