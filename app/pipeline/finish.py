"""Finish: the end of an import, in the transaction in which its last part ended.

The database calls this before it commits, whoever moved that part. So no import can end and be left unfinished.
"""

from datetime import datetime

from app.domain.events import Occurrence
from app.store import counters, events, imports
from app.store.transaction import ImportLock, Transaction


async def finish(tx: Transaction, lock: ImportLock, at: datetime) -> None:
    """Note when the import finished, count it, and tell its history.

    Effect: in the transaction that is about to commit. No network.
    """
    outcome = await imports.finish(tx, lock, at=at)
    counters.add(tx, lock.instance, counters.FINISHED, outcome.status)
    counters.observe(tx, lock.instance, counters.TOOK, since=outcome.accepted_at, until=at)
    if outcome.started_at:
        counters.observe(tx, lock.instance, counters.RAN, since=outcome.started_at, until=at)
    await events.append_of(
        tx,
        lock,
        Occurrence.FINISHED,
        at=at,
        beside={"client": lock.client, "request_id": lock.request_id},
        status=outcome.status,
        imported=outcome.imported,
        failed=outcome.failed,
        warned=outcome.warned,
    )
