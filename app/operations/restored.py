"""After a back-up was restored: the service starts paused, and a person says since when nothing is known.

NEVER_TWICE_BY_ACCIDENT: what may have been sent since the back-up waits for a person's word, import by import.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from app.clock import Clock, rfc3339
from app.domain.errors import BadParameter, WrongState
from app.domain.events import Occurrence
from app.domain.lifecycle import SLOW, PartState
from app.domain.timeouts import REVIEW_SECONDS, after
from app.store import events, imports, instances, restores
from app.store.database import Database
from app.store.restores import Beside
from app.store.transaction import ImportLock, Transaction

AT_START = "sluice serve --paused"  # who pauses an instance then
AT_ONCE = 50  # imports in one transaction: each may have thousands of parts
LISTED = 1_000  # ids of imports that are told; all have an event
MAYBE_THERE = frozenset({PartState.SUBMITTING, PartState.UNCONFIRMED})
FOLLOWED = SLOW | {PartState.QUEUED}


@dataclass(slots=True)
class Marked:
    """Imports that were not finished when the back-up was made, and how many of their parts stood where."""

    imports: int = 0
    parts: dict[str, int] = field(default_factory=lambda: {"waiting": 0, "unconfirmed": 0, "at_marketo": 0})
    waiting_imports: list[int] = field(default_factory=list)  # to be released or cancelled, LISTED at most
    unconfirmed_imports: list[int] = field(default_factory=list)  # to be resolved, LISTED at most

    def add(self, import_id: int, facts: dict[str, int]) -> None:
        self.imports += 1
        self.parts = {name: parts + facts[name] for name, parts in self.parts.items()}
        for name, ids in (("waiting", self.waiting_imports), ("unconfirmed", self.unconfirmed_imports)):
            if facts[name] and len(ids) < LISTED:
                ids.append(import_id)


def as_json(marked: Marked, beside: Beside) -> dict[str, Any]:
    return {**asdict(marked), "beside": asdict(beside)}


@dataclass(frozen=True, slots=True)
class Restored:
    """Effect: short transactions, each of some imports of one instance, whose row is locked. No network."""

    db: Database
    now: Clock

    async def start_paused(self) -> None:
        """Pause every instance before anything is sent, and give no id once more that a lost service may have given.

        Reviews that ended while nobody was there go on: their imports may have been released meanwhile.
        """
        at = self.now()
        async with self.db.write() as tx:
            for instance in await instances.everyone(tx):
                if instance.paused_by == AT_START:
                    continue
                reason = "the service was started with --paused"
                if instance.paused_at:
                    words = f": {instance.paused_reason}" if instance.paused_reason else ""
                    reason += f"; before, {instance.paused_by} had paused it{words}"
                await instances.pause(tx, instance.name, at=at, reason=reason, by=AT_START)
                await events.append(tx, Occurrence.PAUSED, at=at, instance=instance.name, by=AT_START, reason=reason)
            await imports.extend_reviews(tx, over_at=at, until=after(at, REVIEW_SECONDS))
            await restores.skip_lost_ids(tx)

    async def run(self, *, since: datetime, by: str) -> tuple[Marked, Beside]:
        """Keep from being sent what may have been sent since the back-up was made, until a person decides it.

        To ask twice is no mistake: what is marked already is left alone, also where it was released meanwhile.
        Errors: BadParameter for a time to come; WrongState where an instance is not paused.
        """
        at = self.now()
        if since > at:
            raise BadParameter(f"{rfc3339(since)} is still to come: give the time at which the back-up was made.")
        async with self.db.read() as tx:
            everyone = await instances.everyone(tx)
        running = [instance.name for instance in everyone if instance.paused_at is None]
        if running:
            raise _not_paused(running[0])
        marked = Marked()
        for instance in everyone:
            while await self._mark_some(marked, instance.name, since=since, by=by):
                pass
        async with self.db.read() as tx:
            return marked, await restores.beside(tx, at=at)

    async def _mark_some(self, marked: Marked, name: str, *, since: datetime, by: str) -> bool:
        """False once none is left. Errors: WrongState."""
        at = self.now()
        async with self.db.write() as tx:
            instance = await instances.hold_row(tx, name)
            if instance.paused_at is None:
                raise _not_paused(name)
            # what came after both is new; a time that is too early must not make old work look new
            until = max(since, instance.paused_at)
            locks = await restores.untold(tx, name, accepted_until=until, since=since, limit=AT_ONCE)
            told = await self._mark(tx, locks, name, since=since, at=at, by=by)
        for import_id, facts in told.items():
            marked.add(import_id, facts)
        return bool(locks)

    async def _mark(
        self, tx: Transaction, locks: Sequence[ImportLock], name: str, *, since: datetime, at: datetime, by: str
    ) -> dict[int, dict[str, int]]:
        found = await restores.hold_back(tx, locks, name, since=since, at=at)
        told = {
            lock.import_id: {
                "waiting": found[lock.import_id][PartState.WAITING],
                "unconfirmed": sum(found[lock.import_id][state] for state in MAYBE_THERE),
                "at_marketo": sum(found[lock.import_id][state] for state in FOLLOWED),
            }
            for lock in locks
        }
        facts = {"since": rfc3339(since), "by": by}
        lines = [events.Line(lock, None, {"client": lock.client}, {**facts, **told[lock.import_id]}) for lock in locks]
        await events.append_all(tx, lines, Occurrence.RESTORED, at=at)
        return told


def _not_paused(name: str) -> WrongState:
    return WrongState(
        f"Instance {name!r} is not paused, so what may not be sent twice could go meanwhile. "
        f"Start the service with `sluice serve --paused`, or run `sluice pause {name}`."
    )
