"""Finish: the end of imports, in the transaction in which their last parts ended.

The database calls this before it commits, whoever moved those parts. So no import can end and be left unfinished.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from app.domain.events import Occurrence
from app.store import counters, events, imports
from app.store.transaction import ImportLock, Transaction


async def finish(tx: Transaction, ended: Mapping[ImportLock, datetime]) -> None:
    """Note when these imports finished, count them, and tell their histories. As many statements for one as for many.

    Effect: in the transaction that is about to commit. No network.
    """
    by_time: dict[datetime, list[ImportLock]] = defaultdict(list)
    for lock, at in ended.items():
        by_time[at].append(lock)
    for at, locks in by_time.items():
        await _finish(tx, locks, at)


async def _finish(tx: Transaction, locks: Sequence[ImportLock], at: datetime) -> None:
    outcomes = await imports.finish(tx, locks, at=at)
    lines = []
    for lock in locks:
        outcome = outcomes[lock.import_id]
        counters.add(tx, lock.instance, counters.FINISHED, outcome.status)
        counters.observe(tx, lock.instance, counters.TOOK, since=outcome.accepted_at, until=at)
        if outcome.started_at:
            counters.observe(tx, lock.instance, counters.RAN, since=outcome.started_at, until=at)
        beside = {"client": lock.client, "request_id": lock.request_id}
        lines.append(events.Line(lock, None, beside, outcome.facts))
    await events.append_all(tx, lines, Occurrence.FINISHED, at=at)
