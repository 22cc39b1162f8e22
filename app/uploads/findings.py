"""Stores what was found in a file that is accepted: events in its import's history, and its rows with warnings."""

from datetime import datetime
from itertools import islice
from typing import Any

from app.domain.events import Occurrence
from app.store import events, imports, results
from app.store.results import Kind, Owner
from app.store.transaction import ImportLock, Transaction
from app.uploads.incoming import Incoming

STORED_ROWS = 1000  # in one statement


async def keep_findings(tx: Transaction, lock: ImportLock, incoming: Incoming, *, at: datetime) -> None:
    """Tell the histories, of the new import and of the one whose rows these are, once more; keep the warned rows."""
    await _tell_retried(tx, lock.import_id, incoming, at=at)
    file, inspection = incoming.file, incoming.inspection
    if file.ragged_rows:
        ragged: dict[str, Any] = {"rows": file.ragged_rows, "first_rows": file.first_ragged_rows}
        await events.append_of(tx, lock, Occurrence.RAGGED, at=at, **ragged)
    repeated = incoming.repeated.rows if incoming.repeated else 0
    if inspection and (inspection.warned_rows or repeated):
        rows = iter(inspection.kept)
        own = ((Owner(lock.import_id), row) for row in rows)
        while encoded := results.encode_rows(islice(own, STORED_ROWS)):
            await results.keep_rows(tx, Kind.WARNINGS, encoded)
        warned: dict[str, Any] = {"rows": inspection.warned_rows, "rows_kept": len(inspection.kept)}
        if incoming.repeated:
            warned["repeated_keys"] = repeated
        await events.append_of(tx, lock, Occurrence.PREFLIGHT, at=at, **warned)


async def _tell_retried(tx: Transaction, import_id: int, incoming: Incoming, *, at: datetime) -> None:
    arrival, left_out = incoming.arrival, incoming.left_out()
    if arrival.retry_of:
        lock = await imports.lock_beside(tx, arrival.retry_of)
        facts: dict[str, Any] = {"by": arrival.retried_by, "as_import": import_id, "left_out": left_out.rows or None}
        await events.append_of(tx, lock, Occurrence.RETRIED, at=at, **facts)
